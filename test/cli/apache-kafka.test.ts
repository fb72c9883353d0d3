import { test } from 'node:test'
import { startApacheKafka, whyNoApacheKafka } from '../support/apache-kafka.ts'
import { cliSuite } from './suite.ts'

const whyNot = whyNoApacheKafka()
if (whyNot) test('naru against Apache Kafka', { skip: whyNot }, () => {})
else cliSuite('naru against Apache Kafka', () => startApacheKafka({ heap: '512M' }))
