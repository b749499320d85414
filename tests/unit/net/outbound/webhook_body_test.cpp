// What a webhook's request says: Pusher's fields as Pusher has them, ours behind them.

#include "net/outbound/webhook_body.h"

#include <gtest/gtest.h>

namespace parley::net {
namespace {

Notice notice(NoticeKind kind) {
  Notice made{.id = "n1", .app = "4711", .target = "audit", .kind = kind};
  made.time = {1'760'000'000'123};
  return made;
}
Notice of_channel(NoticeKind kind, std::string channel = "presence-domain.7") {
  auto made = notice(kind);
  made.channel = std::move(channel);
  return made;
}
Notice of_user(NoticeKind kind) {
  auto made = notice(kind);
  made.user_id = "42";
  made.domains = {"7", "a\"b"};
  return made;
}
// The one event of a body, without what all have.
std::string event(const Notice& notice) {
  const auto body = webhook_body({notice});
  const std::string head = "{\"time_ms\":1760000000123,\"events\":[{";
  const std::string tail = ",\"id\":\"n1\",\"time_ms\":1760000000123}]}";
  EXPECT_TRUE(body.starts_with(head) && body.ends_with(tail)) << body;
  return body.substr(head.size(), body.size() - head.size() - tail.size());
}

TEST(WebhookBody, ChannelsAreNamed) {
  EXPECT_EQ(event(of_channel(NoticeKind::channel_occupied)),
            R"("name":"channel_occupied","channel":"presence-domain.7")");
  EXPECT_EQ(event(of_channel(NoticeKind::channel_vacated)),
            R"("name":"channel_vacated","channel":"presence-domain.7")");
  EXPECT_EQ(event(of_channel(NoticeKind::cache_miss, "cache-x")), R"("name":"cache_miss","channel":"cache-x")");
}

TEST(WebhookBody, MembersAreNamed) {
  auto added = of_channel(NoticeKind::member_added);
  added.user_id = "42";
  EXPECT_EQ(event(added), R"("name":"member_added","channel":"presence-domain.7","user_id":"42")");
  added.kind = NoticeKind::member_removed;
  EXPECT_EQ(event(added), R"("name":"member_removed","channel":"presence-domain.7","user_id":"42")");
}

TEST(WebhookBody, IdsAreSaidAsTheApplicationSaidThem) {
  auto added = of_channel(NoticeKind::member_added);
  added.user_id = "42";
  added.id_form = IdForm::number;
  EXPECT_EQ(event(added), R"("name":"member_added","channel":"presence-domain.7","user_id":42)");
}

// As Pusher has it: a client's string is the string itself, anything else its JSON text.
TEST(WebhookBody, ClientEventsDataIsEncodedOnce) {
  auto sent = of_channel(NoticeKind::client_event, "private-x");
  sent.event = "client-a";
  const auto data = [&](std::string json) {
    sent.data = std::move(json);
    const auto whole = event(sent);
    const std::string_view before = R"("event":"client-a")";
    return whole.substr(whole.find(before) + before.size());
  };
  EXPECT_EQ(data(R"("a \"string\"")"), R"(,"data":"a \"string\"")");
  EXPECT_EQ(data(R"("\u00e4\ud83d")"), R"(,"data":"ä\ud83d")");
  EXPECT_EQ(data(R"({"a":"\ud83d"})"), R"(,"data":"{\"a\":\"\\ud83d\"}")");
  EXPECT_EQ(data("[1, 2]"), R"(,"data":"[1, 2]")");
  EXPECT_EQ(data("7"), R"(,"data":"7")");
  EXPECT_EQ(data("false"), R"(,"data":"false")");
  EXPECT_EQ(data(R"("")"), R"(,"data":"")");
  EXPECT_EQ(data("null"), "") << "left out";
}

TEST(WebhookBody, ClientEventsHaveTheirDataAsAString) {
  auto sent = of_channel(NoticeKind::client_event, "private-x");
  sent.event = "client-\"typing\"";
  sent.data = R"({"text":"hé\n"})";
  sent.socket = SocketId::parse("1.2").value();
  EXPECT_EQ(event(sent), R"("name":"client_event","channel":"private-x","event":"client-\"typing\"",)"
                         R"("data":"{\"text\":\"hé\\n\"}","socket_id":"1.2")");
  sent.user_id = "42";
  EXPECT_NE(event(sent).find(R"("user_id":"42")"), std::string::npos);
}

TEST(WebhookBody, CountsAreNumbersAlsoWhenZero) {
  auto count = of_channel(NoticeKind::subscription_count, "room");
  EXPECT_EQ(event(count), R"("name":"subscription_count","channel":"room","subscription_count":0)");
  count.count = 12;
  EXPECT_EQ(event(count), R"("name":"subscription_count","channel":"room","subscription_count":12)");
}

TEST(WebhookBody, UsersHaveDomainsAndWhatBelongsToTheKind) {
  EXPECT_EQ(event(of_user(NoticeKind::user_online)), R"("name":"user_online","user_id":"42","domains":["7","a\"b"])");
  EXPECT_EQ(event(of_user(NoticeKind::user_away)), R"("name":"user_away","user_id":"42","domains":["7","a\"b"])");
  auto offline = of_user(NoticeKind::user_offline);
  offline.last_seen = {1'760'000'000'000};
  offline.domains.clear();
  EXPECT_EQ(event(offline), R"("name":"user_offline","user_id":"42","last_seen":1760000000000,"domains":[])");
  auto connected = of_user(NoticeKind::user_connected);
  connected.socket = SocketId::parse("1.2").value();
  EXPECT_EQ(event(connected), R"("name":"user_connected","user_id":"42","socket_id":"1.2","domains":["7","a\"b"])");
}

TEST(WebhookBody, SeveralEventsKeepTheirOrderAndTheBodyHasTheNewestTime) {
  auto first = of_channel(NoticeKind::channel_occupied, "a");
  auto second = of_channel(NoticeKind::channel_occupied, "b");
  first.id = "n2";
  first.time = {1'760'000'000'200};
  EXPECT_EQ(webhook_body({first, second}),
            R"({"time_ms":1760000000200,"events":[)"
            R"({"name":"channel_occupied","channel":"a","id":"n2","time_ms":1760000000200},)"
            R"({"name":"channel_occupied","channel":"b","id":"n1","time_ms":1760000000123}]})");
}

}  // namespace
}  // namespace parley::net
