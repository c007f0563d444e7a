dependencies {
    implementation("org.springframework.kafka:spring-kafka:3.1.0")
    implementation(libs.redis.jedis)
    testImplementation("org.mongodb:mongodb-driver-sync:5.0")
    // implementation("org.postgresql:postgresql")
    runtimeOnly(group = "mysql", name = "mysql-connector-java", version = "8")
}
