import '../../support/three-brokers.ts'
import '../admin-platformatic.test.ts'
