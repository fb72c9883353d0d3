import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.PrintStream;
import java.lang.reflect.InvocationTargetException;
import java.nio.charset.StandardCharsets;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import java.util.Scanner;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import org.apache.kafka.common.utils.Exit;

/**
 * Runs Kafka's command-line tools in one JVM, because a JVM for each call costs seconds. A line of input is
 * `run ID CLASS INPUT ARG...` or `stop ID` (what SIGTERM does: the tool's shutdown hooks), with everything from INPUT
 * on in base64; a line of output is `ID CODE STDOUT STDERR`. What a tool prints after it has asked to exit is not
 * part of its answer, as it would not be in a JVM of its own.
 */
public class RunTools {
  /** One call, known to each thread that it starts. */
  static final class Call {
    final String id;
    final InputStream in;
    final ByteArrayOutputStream out = new ByteArrayOutputStream();
    final ByteArrayOutputStream err = new ByteArrayOutputStream();
    final List<Runnable> hooks = new CopyOnWriteArrayList<>();
    Integer code;
    /** A tool's shutdown hooks may print after it has asked to exit. */
    boolean inHooks;

    Call(String id, byte[] input) {
      this.id = id;
      this.in = new ByteArrayInputStream(input);
    }

    synchronized void exit(int wanted) {
      if (code == null) code = wanted;
    }

    synchronized void write(ByteArrayOutputStream stream, byte[] bytes, int at, int count) {
      if (code == null || inHooks) stream.write(bytes, at, count);
    }
  }

  static final class ToolExit extends Error {
    ToolExit() {
      super("exit", null, false, false);
    }
  }

  static final InheritableThreadLocal<Call> current = new InheritableThreadLocal<>();
  static final Map<String, Call> calls = new ConcurrentHashMap<>();
  static final PrintStream answers = System.out;

  public static void main(String[] args) {
    System.setOut(new PrintStream(new Captured(false), true));
    System.setErr(new PrintStream(new Captured(true), true));
    InputStream requests = System.in;
    System.setIn(new Input());
    Exit.setExitProcedure((code, message) -> leave(code));
    Exit.setHaltProcedure((code, message) -> leave(code));
    Exit.setShutdownHookAdder((name, hook) -> {
      Call call = current.get();
      if (call != null) call.hooks.add(hook);
    });
    Scanner lines = new Scanner(requests, StandardCharsets.UTF_8);
    while (lines.hasNextLine()) {
      String[] words = lines.nextLine().split(" ", -1);
      if (words[0].equals("stop")) stop(calls.get(words[1]));
      else run(words);
    }
    Runtime.getRuntime().halt(0);
  }

  static void leave(int code) {
    Call call = current.get();
    if (call != null) call.exit(code);
    throw new ToolExit();
  }

  static void stop(Call call) {
    if (call != null) start(call, () -> call.hooks.forEach(Runnable::run));
  }

  static Thread start(Call call, Runnable work) {
    Thread thread = new Thread(() -> {
      current.set(call);
      work.run();
    });
    thread.setDaemon(true);
    thread.start();
    return thread;
  }

  /** As a JVM does at its end. A hook that never ends only costs time. */
  static void runHooks(Call call) throws InterruptedException {
    synchronized (call) {
      call.inHooks = true;
    }
    for (Runnable hook : call.hooks) start(call, hook).join(5000);
  }

  static void run(String[] words) {
    Call call = new Call(words[1], decode(words[3]));
    String[] args = new String[words.length - 4];
    for (int i = 0; i < args.length; i++) args[i] = new String(decode(words[i + 4]), StandardCharsets.UTF_8);
    calls.put(call.id, call);
    start(call, () -> {
      try {
        new Tools().loadClass(words[2]).getMethod("main", String[].class).invoke(null, (Object) args);
        call.exit(0);
      } catch (InvocationTargetException failure) {
        if (!(failure.getCause() instanceof ToolExit)) failure.getCause().printStackTrace();
        call.exit(1);
      } catch (Throwable failure) {
        failure.printStackTrace();
        call.exit(1);
      }
      calls.remove(call.id);
      try {
        runHooks(call);
      } catch (InterruptedException interrupted) {
        Thread.currentThread().interrupt();
      }
      answer(call);
    });
  }

  static void answer(Call call) {
    String line = call.id + " " + call.code + " " + encode(call.out) + " " + encode(call.err) + "\n";
    synchronized (answers) {
      answers.print(line);
      answers.flush();
    }
  }

  /** The tools' own classes anew for each call: the console consumer, for one, counts in a static field. */
  static final class Tools extends ClassLoader {
    @Override
    protected Class<?> loadClass(String name, boolean resolve) throws ClassNotFoundException {
      if (!name.startsWith("org.apache.kafka.tools.") && !name.startsWith("kafka.admin."))
        return super.loadClass(name, resolve);
      synchronized (getClassLoadingLock(name)) {
        Class<?> loaded = findLoadedClass(name);
        if (loaded != null) return loaded;
        try (InputStream code = getResourceAsStream(name.replace('.', '/') + ".class")) {
          if (code == null) throw new ClassNotFoundException(name);
          byte[] bytes = code.readAllBytes();
          return defineClass(name, bytes, 0, bytes.length);
        } catch (IOException failure) {
          throw new ClassNotFoundException(name, failure);
        }
      }
    }
  }

  static byte[] decode(String text) {
    return Base64.getDecoder().decode(text);
  }

  static String encode(ByteArrayOutputStream stream) {
    return Base64.getEncoder().encodeToString(stream.toByteArray());
  }

  static final class Captured extends OutputStream {
    private final boolean isError;

    Captured(boolean isError) {
      this.isError = isError;
    }

    @Override
    public void write(int value) {
      write(new byte[] {(byte) value}, 0, 1);
    }

    @Override
    public void write(byte[] bytes, int at, int count) {
      Call call = current.get();
      if (call != null) call.write(isError ? call.err : call.out, bytes, at, count);
    }
  }

  static final class Input extends InputStream {
    @Override
    public int read() throws IOException {
      return current.get().in.read();
    }

    @Override
    public int read(byte[] bytes, int at, int count) throws IOException {
      return current.get().in.read(bytes, at, count);
    }

    @Override
    public int available() throws IOException {
      return current.get().in.available();
    }
  }
}
