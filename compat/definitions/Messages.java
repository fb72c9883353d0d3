import com.fasterxml.jackson.databind.JsonNode;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.lang.reflect.Field;
import java.lang.reflect.Modifier;
import java.lang.reflect.ParameterizedType;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Random;
import org.apache.kafka.common.Uuid;
import org.apache.kafka.common.protocol.ByteBufferAccessor;
import org.apache.kafka.common.protocol.Message;
import org.apache.kafka.common.protocol.ObjectSerializationCache;
import org.apache.kafka.common.protocol.types.BoundField;
import org.apache.kafka.common.protocol.types.Schema;
import org.apache.kafka.common.protocol.types.TaggedFields;
import org.apache.kafka.common.protocol.types.Type;
import org.apache.kafka.common.record.internal.MemoryRecords;

/**
 * Kafka's generated message classes, asked line by line: `random NAME VERSION SEED` makes one of values from a seed,
 * `read NAME VERSION HEX` reads one. The answer is its bytes in hex and, behind a blank, its values in JSON.
 */
public class Messages {
  static final List<String> packages = List.of("org.apache.kafka.common.message", "org.apache.kafka.coordinator.group.generated",
    "org.apache.kafka.coordinator.transaction.generated");
  static final String[] words = {"", "a", "topic-1", "나루", "é", "𝄞 clef", "x".repeat(130)};

  public static void main(String[] args) throws Exception {
    PrintStream out = new PrintStream(System.out, false, StandardCharsets.UTF_8);
    BufferedReader lines = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    for (String line = lines.readLine(); line != null; line = lines.readLine()) {
      String[] asked = line.split(" ", -1);
      try {
        out.println(answer(asked[0], asked[1], Short.parseShort(asked[2]), asked[3]));
      } catch (Throwable failure) {
        out.println("failed " + failure + (failure.getCause() == null ? "" : " because of " + failure.getCause()));
      }
    }
    out.flush();
  }

  static String answer(String verb, String name, short version, String given) throws Exception {
    Class<?> type = classOf(name);
    Message message = (Message) type.getConstructor().newInstance();
    if (verb.equals("random")) fill(message, version, new Random(Long.parseLong(given)));
    else message.read(new ByteBufferAccessor(ByteBuffer.wrap(HexFormat.of().parseHex(given))), version);
    ObjectSerializationCache cache = new ObjectSerializationCache();
    ByteBuffer bytes = ByteBuffer.allocate(message.size(cache, version));
    message.write(new ByteBufferAccessor(bytes), cache, version);
    Class<?> converter = Class.forName(type.getName() + "JsonConverter");
    JsonNode json = (JsonNode) converter.getMethod("write", type, short.class, boolean.class).invoke(null, message, version, false);
    return HexFormat.of().formatHex(bytes.array()) + " " + json;
  }

  static Class<?> classOf(String name) throws ClassNotFoundException {
    for (String in : packages)
      for (String ending : List.of("Data", ""))
        try {
          return Class.forName(in + "." + name + ending);
        } catch (ClassNotFoundException elsewhere) {
          continue;
        }
    throw new ClassNotFoundException(name);
  }

  /** Gives every field that the version has a value; which those are its schema says. */
  static void fill(Object struct, short version, Random random) throws Exception {
    Map<String, Field> fields = new HashMap<>();
    for (Field field : struct.getClass().getDeclaredFields())
      if (!Modifier.isStatic(field.getModifiers())) fields.put(plain(field.getName()), field);
    Schema schema = ((Schema[]) struct.getClass().getField("SCHEMAS").get(null))[version];
    for (BoundField bound : schema.fields())
      if (bound.def.type instanceof TaggedFields)
        for (var tagged : ((TaggedFields) bound.def.type).fields().values()) set(struct, fields, tagged.name, tagged.type, version, random);
      else set(struct, fields, bound.def.name, bound.def.type, version, random);
  }

  static String plain(String name) {
    return name.replace("_", "").toLowerCase(Locale.ROOT);
  }

  static void set(Object struct, Map<String, Field> fields, String name, Type type, short version, Random random) throws Exception {
    Field field = fields.get(plain(name));
    if (field == null) throw new NoSuchFieldException(name);
    field.setAccessible(true);
    java.lang.reflect.Type generic = field.getGenericType();
    field.set(struct, type.isNullable() && random.nextInt(4) == 0 ? null : value(field.getType(), generic, type, version, random));
  }

  @SuppressWarnings("unchecked")
  static Object value(Class<?> type, java.lang.reflect.Type generic, Type wire, short version, Random random) throws Exception {
    boolean isEdge = random.nextInt(4) == 0;
    if (type == boolean.class || type == Boolean.class) return random.nextBoolean();
    if (type == byte.class || type == Byte.class) return (byte) random.nextInt();
    if (type == short.class || type == Short.class) return isEdge ? Short.MIN_VALUE : (short) random.nextInt();
    if (type == int.class || type == Integer.class) {
      if (wire.toString().equals("UINT16")) return random.nextInt(65536);
      return isEdge ? (random.nextBoolean() ? Integer.MAX_VALUE : Integer.MIN_VALUE) : random.nextInt();
    }
    if (type == long.class || type == Long.class) {
      if (wire.toString().equals("UINT32")) return random.nextLong() >>> 32;
      // Between its ends this side of JSON has 53 bits.
      return isEdge ? (random.nextBoolean() ? Long.MAX_VALUE : Long.MIN_VALUE) : random.nextLong() >> 11;
    }
    if (type == double.class) return random.nextGaussian() * 1e9;
    if (type == String.class) return words[random.nextInt(words.length)];
    if (type == Uuid.class) return new Uuid(random.nextLong(), random.nextLong());
    byte[] bytes = new byte[random.nextInt(30)];
    random.nextBytes(bytes);
    if (type == byte[].class) return bytes;
    if (type == ByteBuffer.class) return ByteBuffer.wrap(bytes);
    if (type.getName().startsWith("org.apache.kafka.common.record.")) return MemoryRecords.readableRecords(ByteBuffer.wrap(bytes));
    if (Collection.class.isAssignableFrom(type)) {
      java.lang.reflect.Type holder = generic instanceof ParameterizedType ? generic : type.getGenericSuperclass();
      java.lang.reflect.Type element = ((ParameterizedType) holder).getActualTypeArguments()[0];
      Collection<Object> list = type == List.class ? new ArrayList<>() : (Collection<Object>) type.getConstructor(int.class).newInstance(4);
      Class<?> elementClass = element instanceof ParameterizedType ? List.class : (Class<?>) element;
      Type of = wire.arrayElementType().orElseThrow();
      for (int left = random.nextInt(3); left > 0; left--) list.add(value(elementClass, element, of, version, random));
      return list;
    }
    Object struct = type.getConstructor().newInstance();
    fill(struct, version, random);
    return struct;
  }
}
