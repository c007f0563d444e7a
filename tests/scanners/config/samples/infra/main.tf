resource "aws_db_instance" "orders" {
  identifier = "orders-db"
  engine     = "postgres"
  multi_az   = true
}
resource "aws_sqs_queue" "jobs" {
  name       = "jobs.fifo"
  fifo_queue = true
  redrive_policy = jsonencode({ deadLetterTargetArn = aws_sqs_queue.dead.arn, maxReceiveCount = 3 })
}
resource "aws_sqs_queue" "dead" { name = "jobs-dead" }
resource "aws_lambda_function" "worker" {
  function_name = "worker"
  environment {
    variables = { TABLE = aws_dynamodb_table.items.name, DB_URL = "postgres://u:p@h/x" }
  }
}
resource "aws_lambda_event_source_mapping" "m" {
  event_source_arn = aws_sqs_queue.jobs.arn
  function_name    = aws_lambda_function.worker.arn
}
resource "aws_dynamodb_table" "items" {
  name           = "items"
  hash_key       = "id"
  stream_enabled = true
}
module "events" {
  source = "terraform-aws-modules/msk-kafka-cluster/aws"
  name   = "events"
}
