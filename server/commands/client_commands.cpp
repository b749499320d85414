#include "server/commands/client_commands.h"

#include "core/clock.h"
#include "core/json_string.h"
#include "core/json_text.h"
#include "net/json/fields.h"
#include "server/commands/command_output.h"
#include "server/commands/pusher_connection.h"

#include <fmt/format.h>

#include <cstdio>
#include <iostream>
#include <iterator>

namespace parley::server {
namespace {

void show(const PusherFrame& frame, bool json, const Clock& clock) {
  if (json) {
    std::string line = R"({"channel":)";
    append_json_string(line, frame.channel);
    line += R"(,"event":)";
    append_json_string(line, frame.event);
    line += R"(,"data":)";
    append_json_string(line, frame.data);
    if (frame.position) {
      line += R"(,"position":)";
      append_json_string(line, position_text(*frame.position));
    }
    fmt::print("{}}}\n", line);
  } else {
    fmt::print("{} {} {} {}{}\n", iso_time(clock.wall().ms), printable(frame.channel), printable(frame.event),
               frame.position ? position_text(*frame.position) + " " : "", printable(frame.data));
  }
  std::fflush(stdout);
}

}  // namespace

int publish(const ClientTarget& target, const PublishOptions& options) {
  auto data = options.words.at(2);
  if (data == "-") data.assign(std::istreambuf_iterator<char>(std::cin), {});
  std::string body = R"({"name":)";
  append_json_string(body, options.words.at(1));
  body += R"(,"channel":)";
  append_json_string(body, options.words.at(0));
  body += R"(,"data":)";
  append_json_string(body, data);
  if (!options.socket_id.empty()) {
    body += R"(,"socket_id":)";
    append_json_string(body, options.socket_id);
  }
  net::ClientHeaders headers{{"Content-Type", "application/json"}};
  if (!options.idempotency_key.empty()) headers.emplace_back("Idempotency-Key", options.idempotency_key);
  const auto answer = net::signed_call(target.key, "POST", target.url, fmt::format("/apps/{}/events", target.app_id),
                                       {}, body + "}", headers, target.options);
  if (!answer) return complain("publish", answer.error());
  if (answer->status != 200) return refused("publish", *answer);
  fmt::print("{}\n", printable(answer->body));
  return 0;
}

int subscribe(const ClientTarget& target, const SubscribeOptions& options) {
  const SystemClock clock;
  auto connection = PusherConnection::connect(target);
  if (!connection) return complain(fmt::format("connect to {}", target.url), connection.error());
  std::string resume;
  if (!options.since.empty()) {
    resume = R"(,"since":)";
    append_json_string(resume, options.since);
  } else if (options.rewind > 0) {
    resume = fmt::format(R"(,"rewind":{})", options.rewind);
  }
  for (const auto& channel : options.channels) {
    if (const auto sent = connection->subscribe(channel, options.user_id, resume); !sent)
      return complain("subscribe", sent.error());
  }
  std::uint64_t seen = 0;
  while (options.count == 0 || seen < options.count) {
    auto frame = connection->next(seconds(3'600));
    if (!frame && frame.error().code == Errc::timeout) continue;
    if (!frame) return complain("go on", frame.error());
    if (frame->event == "pusher_internal:subscription_succeeded") {
      fmt::print(stderr, "subscribed to {}{}\n", printable(frame->channel),
                 frame->position ? ", newest position " + position_text(*frame->position) : "");
      continue;
    }
    if (frame->event == "pusher:subscription_error") {
      fmt::print(stderr, "cannot subscribe to {}: {}\n", printable(frame->channel), printable(frame->data));
      return 1;
    }
    show(*frame, options.json, clock);
    ++seen;
  }
  return 0;
}

int history(const ClientTarget& target, const HistoryOptions& options) {
  auto left = options.limit;
  auto since = options.since;
  while (left > 0) {
    std::vector<std::pair<std::string, std::string>> parameters{
        {"limit", std::to_string(std::min(left, std::uint32_t{100}))}, {"direction", options.direction}};
    if (!since.empty()) parameters.emplace_back("since", since);
    if (!options.from.empty()) parameters.emplace_back("from", options.from);
    if (!options.to.empty()) parameters.emplace_back("to", options.to);
    const auto answer =
        net::signed_call(target.key, "GET", target.url, target.channel_path(options.channel, "/history"),
                         std::move(parameters), {}, {}, target.options);
    if (!answer) return complain("read the history", answer.error());
    if (answer->status != 200) return refused("read the history", *answer);
    if (const auto json = check_json(answer->body, kAnswerDepthMax); !json)
      return complain("read the answer", json.error());
    const auto page = net::read_fields<4>(net::trimmed(answer->body), {"publications", "more", "gap", "next"},
                                          Errc::bad_frame, "the answer");
    if (!page || (*page)[0].empty())
      return complain("read the answer", make_error(Errc::bad_frame, "no publications in it"));
    if ((*page)[2] == "true") fmt::print(stderr, "gap: what lies before the first line is not kept any more\n");
    JsonArray publications((*page)[0]);
    while (left > 0 && publications.next()) {
      --left;
      const auto row = net::read_fields<4>(publications.value(), {"offset", "time", "event", "data"}, Errc::bad_frame,
                                           "a publication");
      if (options.json || !row) {
        fmt::print("{}\n", publications.value());
        continue;
      }
      const auto text = [&](std::size_t i) {
        const auto value = (*row)[i];
        if (value.empty()) return std::string("null");
        return type_of(value) == JsonType::string ? json_string(value) : std::string(value);
      };
      const auto time = (*row)[1].empty() ? std::nullopt : json_integer((*row)[1]);
      fmt::print("{} {} {} {}\n", iso_time(time.value_or(0)), text(0), printable(text(2)), printable(text(3)));
    }
    if ((*page)[1] != "true" || (*page)[3].empty()) break;
    since = json_string((*page)[3]);
  }
  return 0;
}

}  // namespace parley::server
