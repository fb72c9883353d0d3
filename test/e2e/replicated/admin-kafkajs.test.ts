import '../../support/three-brokers.ts'
import '../admin-kafkajs.test.ts'
