// The server SDK pusher-http-java: Sdk PORT APP_ID KEY SECRET.

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import com.pusher.rest.Pusher;
import com.pusher.rest.data.Event;
import com.pusher.rest.data.PresenceUser;
import com.pusher.rest.data.Result;
import com.pusher.rest.data.Validity;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

final class Sdk {
  public static void main(String[] args) throws Exception {
    Pusher sdk = new Pusher(args[1], args[2], args[3]);
    sdk.setHost("127.0.0.1:" + args[0]);
    sdk.setEncrypted(false);
    Lines.answerAll((what, p) -> {
      switch (what) {
        case "trigger":
          List<String> channels = texts(p.get("channels"));
          Object data = Lines.GSON.fromJson(p.get("data"), Object.class);
          return ok(p.has("socket_id") ? sdk.trigger(channels, text(p, "event"), data, text(p, "socket_id")) : sdk.trigger(channels, text(p, "event"), data));
        case "batch":
          List<Event> events = new ArrayList<>();
          for (JsonElement one : p.getAsJsonArray("events")) {
            JsonObject event = one.getAsJsonObject();
            events.add(new Event(text(event, "channel"), text(event, "name"), Lines.GSON.fromJson(event.get("data"), Object.class)));
          }
          return ok(sdk.trigger(events));
        case "channels":
          return ok(sdk.get("/channels", query(p, "filter_by_prefix", text(p, "prefix")))).get("channels");
        case "channel":
          return ok(sdk.get("/channels/" + text(p, "channel"), query(p)));
        case "users":
          JsonArray ids = new JsonArray();
          for (JsonElement user : ok(sdk.get("/channels/" + text(p, "channel") + "/users")).getAsJsonArray("users")) ids.add(user.getAsJsonObject().get("id"));
          return ids;
        case "authorize":
          if (!p.has("member")) return JsonParser.parseString(sdk.authenticate(text(p, "socket_id"), text(p, "channel")));
          JsonObject member = p.getAsJsonObject("member");
          Object info = Lines.GSON.fromJson(member.get("user_info"), Object.class);
          return JsonParser.parseString(sdk.authenticate(text(p, "socket_id"), text(p, "channel"), new PresenceUser(text(member, "user_id"), info)));
        case "webhook":
          Validity validity = sdk.validateWebhookSignature(text(p, "key"), text(p, "signature"), text(p, "body"));
          if (validity != Validity.VALID) throw new IllegalArgumentException(validity.toString());
          return JsonParser.parseString(text(p, "body"));
        default:
          throw new IllegalArgumentException(what);
      }
    });
  }

  private static JsonObject ok(Result result) {
    if (result.getStatus() != Result.Status.SUCCESS) throw new IllegalStateException(result.getHttpStatus() + " " + result.getMessage());
    return JsonParser.parseString(result.getMessage()).getAsJsonObject();
  }

  private static Map<String, String> query(JsonObject p, String... more) {
    Map<String, String> query = new HashMap<>();
    if (p.has("info") && p.getAsJsonArray("info").size() > 0) query.put("info", String.join(",", texts(p.get("info"))));
    for (int i = 0; i + 1 < more.length; i += 2) query.put(more[i], more[i + 1]);
    return query;
  }

  private static String text(JsonObject object, String name) {
    return object.get(name).getAsString();
  }

  private static List<String> texts(JsonElement list) {
    List<String> texts = new ArrayList<>();
    for (JsonElement one : list.getAsJsonArray()) texts.add(one.getAsString());
    return texts;
  }
}
