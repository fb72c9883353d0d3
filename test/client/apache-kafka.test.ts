import { test } from 'node:test'
import { startApacheKafka, whyNoApacheKafka } from '../support/apache-kafka.ts'
import { clientSuite } from './suite.ts'

const whyNot = whyNoApacheKafka()
if (whyNot) test('client/ against Apache Kafka', { skip: whyNot }, () => {})
else clientSuite('client/ against Apache Kafka', () => startApacheKafka({ heap: '512M' }))
