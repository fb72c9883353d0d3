import '../../test/support/three-brokers.ts'
import '../../test/e2e/delivery.test.ts'
