import java.util.Collection;
import java.util.Map;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.Config;
import org.apache.kafka.clients.admin.DeleteTopicsResult;
import org.apache.kafka.clients.admin.DescribeTopicsOptions;
import org.apache.kafka.clients.admin.TopicDescription;
import org.apache.kafka.common.KafkaFuture;
import org.apache.kafka.common.config.ConfigResource;

/** What clients 2.x call otherwise, have alone, or haven't yet. */
final class Since {
  static Map<String, TopicDescription> describe(Admin admin, Collection<String> topics) throws Exception {
    return admin.describeTopics(topics, new DescribeTopicsOptions().includeAuthorizedOperations(true)).all().get();
  }

  static Map<String, KafkaFuture<Void>> values(DeleteTopicsResult result) {
    return result.values();
  }

  static void admin(Check check, String topic) {
    ConfigResource resource = new ConfigResource(ConfigResource.Type.TOPIC, topic);
    Config config = new Config(java.util.List.of(new org.apache.kafka.clients.admin.ConfigEntry("flush.ms", "77")));
    check.see("legacy alter", () -> check.admin().alterConfigs(Map.of(resource, config)).all().get());
    Config wrong = new Config(java.util.List.of(new org.apache.kafka.clients.admin.ConfigEntry("flush.ms", "x")));
    check.see("legacy alter, wrong", () -> check.admin().alterConfigs(Map.of(resource, wrong)).all().get());
  }

  static void offsets(Check check, String topic) {}

  static void consume(Check check, String topic) {}
}
