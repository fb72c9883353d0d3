import java.io.PrintStream;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;

/** Runs every check on the broker that it is given and prints a line of JSON for each (compat/clients/program.ts). */
public class Main {
  static final PrintStream out = System.out;

  public static void main(String[] args) throws Exception {
    Map<String, Check.Body> checks = new LinkedHashMap<>();
    Groups.add(checks);
    Admins.add(checks);
    Produces.add(checks);
    Consumes.add(checks);
    ExecutorService pool = Executors.newFixedThreadPool(8);
    Map<String, Future<?>> running = new LinkedHashMap<>();
    String only = System.getProperty("only", "");
    checks.forEach((name, body) -> {
      if (name.contains(only)) running.put(name, pool.submit(() -> run(args[0], name, body)));
    });
    for (Future<?> check : running.values()) check.get(180, TimeUnit.SECONDS);
    out.println("{\"done\":true}");
    out.flush();
    Runtime.getRuntime().halt(0);
  }

  static void run(String bootstrap, String name, Check.Body body) {
    long started = System.nanoTime();
    Throwable failure = null;
    Check check = new Check(bootstrap, name);
    try (check) {
      body.run(check);
    } catch (Throwable thrown) {
      failure = thrown;
    }
    StringBuilder line = new StringBuilder("{\"check\":").append(json(name));
    line.append(",\"ok\":").append(failure == null).append(",\"ms\":").append((System.nanoTime() - started) / 1_000_000);
    if (failure != null) line.append(",\"error\":").append(json(words(failure)));
    line.append(",\"saw\":[");
    List<String> saw = check.saw;
    synchronized (saw) {
      for (int i = 0; i < saw.size(); i++) line.append(i > 0 ? "," : "").append(json(saw.get(i)));
    }
    synchronized (out) {
      out.println(line.append("]}"));
      out.flush();
    }
  }

  static String words(Throwable failure) {
    StringBuilder words = new StringBuilder(failure.toString());
    if (failure.getCause() != null) words.append(", because of ").append(failure.getCause());
    for (StackTraceElement frame : failure.getStackTrace())
      if (frame.getClassLoaderName() != null && !frame.getClassName().startsWith("org.apache."))
        words.append("\n  at ").append(frame);
    return words.toString();
  }

  static String json(String text) {
    StringBuilder quoted = new StringBuilder("\"");
    for (char c : text.toCharArray())
      if (c == '"' || c == '\\') quoted.append('\\').append(c);
      else if (c < 0x20) quoted.append(String.format("\\u%04x", (int) c));
      else quoted.append(c);
    return quoted.append('"').toString();
  }
}
