import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.DeleteTopicsResult;
import org.apache.kafka.clients.admin.DescribeTopicsOptions;
import org.apache.kafka.clients.admin.ListOffsetsResult.ListOffsetsResultInfo;
import org.apache.kafka.clients.admin.OffsetSpec;
import org.apache.kafka.clients.admin.ProducerState;
import org.apache.kafka.clients.admin.TopicDescription;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.KafkaFuture;
import org.apache.kafka.common.TopicCollection;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.Uuid;

/** What clients 4.x call otherwise, or have alone. */
final class Since {
  static Map<String, TopicDescription> describe(Admin admin, Collection<String> topics) throws Exception {
    return admin.describeTopics(topics, new DescribeTopicsOptions().includeAuthorizedOperations(true)).allTopicNames().get();
  }

  static Map<String, KafkaFuture<Void>> values(DeleteTopicsResult result) {
    return result.topicNameValues();
  }

  static void admin(Check check, String topic) throws Exception {
    Admin admin = check.admin();
    Uuid id = describe(admin, List.of(topic)).get(topic).topicId();
    check.see("described by id", () ->
      admin.describeTopics(TopicCollection.ofTopicIds(List.of(id))).allTopicIds().get().get(id).name());
    Uuid unknown = new Uuid(1, 2);
    check.see("described by unknown id", () ->
      admin.describeTopics(TopicCollection.ofTopicIds(List.of(unknown))).allTopicIds().get());
    check.see("deleted by unknown id", () ->
      admin.deleteTopics(TopicCollection.ofTopicIds(List.of(unknown))).all().get());
    check.see("deleted by id", () -> admin.deleteTopics(TopicCollection.ofTopicIds(List.of(id))).all().get());
  }

  static void offsets(Check check, String topic) throws Exception {
    Admin admin = check.admin();
    Map<String, OffsetSpec> specs = new TreeMap<>(Map.of(
      "max timestamp", OffsetSpec.maxTimestamp(),
      "earliest local", OffsetSpec.earliestLocal(),
      "latest tiered", OffsetSpec.latestTiered()));
    specs.forEach((name, spec) -> check.see(name, () -> {
      ListOffsetsResultInfo info = admin.listOffsets(Map.of(Check.at(topic, 0), spec)).partitionResult(Check.at(topic, 0)).get();
      return info.offset() + " " + info.timestamp() + " " + info.leaderEpoch();
    }));
    List<ProducerState> producers =
      admin.describeProducers(List.of(Check.at(topic, 0))).partitionResult(Check.at(topic, 0)).get().activeProducers();
    for (ProducerState state : producers)
      check.saw("producer", state.producerEpoch() + " " + state.lastSequence() + " " + state.currentTransactionStartOffset());
    check.see("producers of an unknown partition", () -> Check.kind(() ->
      admin.describeProducers(List.of(Check.at(topic, 9)), new org.apache.kafka.clients.admin.DescribeProducersOptions().timeoutMs(1500)).all().get()));
  }

  static void consume(Check check, String topic) throws Exception {
    TopicPartition partition = Check.at(topic, 0);
    check.producer().send(new ProducerRecord<>(topic, 0, "k", "now")).get();
    for (String reset : List.of("by_duration:PT1H", "by_duration:PT0S", "by_duration:P20000D")) {
      KafkaConsumer<String, String> consumer = check.consumer("auto.offset.reset", reset, "default.api.timeout.ms", "4000");
      consumer.assign(List.of(partition));
      check.see(reset, () -> Check.kind(() -> consumer.position(partition)));
    }
  }
}
