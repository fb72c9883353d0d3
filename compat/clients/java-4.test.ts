import { apacheKafkaJars, kafkaVersion, whyNoApacheKafka } from '../../test/support/apache-kafka.ts'
import { testJavaClient } from './java-program.ts'

testJavaClient(kafkaVersion, apacheKafkaJars, 'clients4', whyNoApacheKafka)
