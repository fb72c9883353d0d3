import '../../support/three-brokers.ts'
import '../kcat.test.ts'
