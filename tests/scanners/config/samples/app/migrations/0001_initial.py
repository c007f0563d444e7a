from django.db import migrations, models


class Migration(migrations.Migration):
    operations = (
        migrations.CreateModel(
            name="Order",
            fields=[
                ("id", models.BigAutoField(primary_key=True)),
                ("body", models.JSONField()),
                ("number", models.CharField(unique=True)),
            ],
            options={"unique_together": {("number", "shop")}},
        ),
        migrations.RunSQL("ALTER TABLE app_order REPLICA IDENTITY FULL"),
    )
