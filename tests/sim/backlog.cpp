#include "tests/sim/backlog.h"

#include "tests/sim/client.h"

#include <fmt/format.h>

namespace parley::sim {

namespace json = boost::json;

namespace {
constexpr int kPage = 7;  // so that there are several
}

json::object Backlog::question() const {
  return {{"channel", channel_}, {"since", position_text(since_)}, {"limit", kPage}};
}

std::vector<std::string> Backlog::take(const json::object& page, const Plan& plan, Checker& checker) {
  const auto violated = [&](std::string_view what) {
    checker.violated("no_hole", fmt::format("{} loads {} after {}: {}", who_, channel_, position_text(since_), what));
  };
  std::vector<std::string> messages;
  if (page.at("epoch").is_null()) {
    violated("there is no history");
    return messages;
  }
  const auto epoch = parse_epoch(text(page.at("epoch"))).value();
  // Durability async: a tail was lost since it began, and the channel has told of it.
  const bool another_life = since_.exists() && epoch != until_.epoch;
  const auto oldest = number(page.at("oldest"));
  // Who had nothing yet is not told that the beginning is gone: there was no place to go on from.
  if (page.at("gap").as_bool() || (!since_.exists() && oldest > 1)) {
    if (!plan.may_have_gaps(channel_)) violated("a gap, and nothing was ever deleted");
    since_.offset = Offset{oldest - 1};
  }
  since_.epoch = epoch;
  for (const auto& row : page.at("publications").as_array()) {
    const Position position{epoch, Offset{number(row.at("offset"))}};
    auto message = text(row.at("data"));
    checker.seen(channel_, message, position);
    if (position.offset.value != since_.offset.value + 1) violated(fmt::format("{} follows", position_text(position)));
    since_ = position;
    if (epoch == until_.epoch && position.offset <= until_.offset) messages.push_back(std::move(message));
  }
  whole_ = another_life || since_.offset >= until_.offset || !page.at("more").as_bool();
  if (whole_ && !another_life && since_.offset < until_.offset) violated("it ends there");
  return messages;
}

}  // namespace parley::sim
