// pusher-java-client: Client PORT KEY AUTHORIZATION_URL USER.

import com.google.gson.JsonElement;
import com.pusher.client.Pusher;
import com.pusher.client.PusherOptions;
import com.pusher.client.channel.ChannelEventListener;
import com.pusher.client.channel.PresenceChannelEventListener;
import com.pusher.client.channel.PusherEvent;
import com.pusher.client.channel.User;
import com.pusher.client.connection.ConnectionEventListener;
import com.pusher.client.connection.ConnectionStateChange;
import com.pusher.client.util.HttpChannelAuthorizer;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;

final class Client {
  public static void main(String[] args) throws Exception {
    HttpChannelAuthorizer authorizer = new HttpChannelAuthorizer(args[2]);
    authorizer.setHeaders(Map.of("X-User", args[3]));
    PusherOptions options = new PusherOptions().setHost("127.0.0.1").setWsPort(Integer.parseInt(args[0])).setUseTLS(false);
    // It answers no pings and sends one after two minutes of its own; no test has so much time.
    options.setActivityTimeout(1000);
    options.setChannelAuthorizer(authorizer).setMaxReconnectionAttempts(1000).setMaxReconnectGapInSeconds(1);
    Pusher pusher = new Pusher(args[1], options);
    Lines.answerAll((what, p) -> {
      switch (what) {
        case "connect":
          pusher.connect(new ConnectionEventListener() {
            @Override
            public void onConnectionStateChange(ConnectionStateChange change) {
              Lines.say(change.getCurrentState().toString().toLowerCase(), "id", String.valueOf(pusher.getConnection().getSocketId()));
            }

            @Override
            public void onError(String message, String code, Exception failure) {
              Lines.say("problem", "message", message + " " + code + " " + failure);
            }
          });
          return null;
        case "subscribe":
          List<String> events = new ArrayList<>();
          for (JsonElement event : p.getAsJsonArray("events")) events.add(event.getAsString());
          String[] names = events.toArray(new String[0]);
          String channel = p.get("channel").getAsString();
          if (channel.startsWith("presence-")) pusher.subscribePresence(channel, new Heard(), names);
          else if (channel.startsWith("private-")) pusher.subscribePrivate(channel, new Heard(), names);
          else pusher.subscribe(channel, (ChannelEventListener) new Heard(), names);
          return null;
        case "unsubscribe":
          pusher.unsubscribe(p.get("channel").getAsString());
          return null;
        case "trigger":
          pusher.getPrivateChannel(p.get("channel").getAsString()).trigger(p.get("event").getAsString(), p.get("data").toString());
          return null;
        default:
          throw new IllegalArgumentException(what);
      }
    });
  }

  private static final class Heard implements PresenceChannelEventListener {
    @Override
    public void onEvent(PusherEvent event) {
      Lines.say("event", "channel", event.getChannelName(), "event", event.getEventName(), "data", event.getData());
    }

    @Override
    public void onSubscriptionSucceeded(String channel) {
      Lines.say("subscribed", "channel", channel);
    }

    @Override
    public void onAuthenticationFailure(String message, Exception failure) {
      Lines.say("refused", "message", message);
    }

    @Override
    public void onUsersInformationReceived(String channel, Set<User> users) {
      Set<String> ids = new TreeSet<>();
      for (User user : users) ids.add(user.getId());
      Lines.say("here", "channel", channel, "users", String.join(",", ids));
    }

    @Override
    public void userSubscribed(String channel, User user) {
      Lines.say("joining", "channel", channel, "user", user.getId(), "info", user.getInfo());
    }

    @Override
    public void userUnsubscribed(String channel, User user) {
      Lines.say("leaving", "channel", channel, "user", user.getId());
    }
  }
}
