export const config = {
  mongo: { url: process.env.MONGO_URL || 'mongodb://mongo:27017/shop' },
  kafka: { brokers: ['kafka:9092'], topic: 'orders' },
  search: { node: process.env.ELASTIC_NODE ?? "http://search:9200" },
};
