import '../../test/support/three-brokers.ts'
import '../../test/e2e/group-platformatic.test.ts'
