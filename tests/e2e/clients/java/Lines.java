// Commands come in and happenings go out, a line of JSON each (../../lib/program.js).

import com.google.gson.Gson;
import com.google.gson.GsonBuilder;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.Map;

final class Lines {
  interface Commands {
    Object run(String what, JsonObject parameters) throws Exception;
  }

  static final Gson GSON = new GsonBuilder().disableHtmlEscaping().create();
  private static final PrintStream OUT = new PrintStream(System.out, true, StandardCharsets.UTF_8);

  static synchronized void say(Object said) {
    OUT.println(GSON.toJson(said));
  }

  static void say(String what, String... namesAndValues) {
    Map<String, String> said = new HashMap<>(Map.of("what", what));
    for (int i = 0; i + 1 < namesAndValues.length; i += 2) said.put(namesAndValues[i], namesAndValues[i + 1]);
    say(said);
  }

  static void answerAll(Commands commands) throws Exception {
    BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    for (String line = in.readLine(); line != null; line = in.readLine()) {
      try {
        JsonObject parameters = JsonParser.parseString(line).getAsJsonObject();
        Object answer = commands.run(parameters.get("do").getAsString(), parameters);
        say(Map.of("answer", answer == null ? true : answer));
      } catch (Exception failure) {
        say(Map.of("error", failure.toString()));
      }
    }
  }
}
