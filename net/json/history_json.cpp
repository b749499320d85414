#include "net/json/history_json.h"

#include "core/json_string.h"
#include "core/json_text.h"

#include <fmt/format.h>

namespace parley::net {
namespace {

void append_publication(std::string& out, const Publication& publication, DataForm form) {
  out.append(fmt::format(R"({{"offset":{},"event":)", publication.position.offset.value));
  append_json_string(out, publication.event);
  out.append(R"(,"data":)");
  if (publication.kind == DataKind::json) {
    out.append(publication.data);
  } else if (form == DataForm::as_it_came || !append_if_json(out, publication.data, kDataDepthMax)) {
    append_json_string(out, publication.data);
  }
  out.append(fmt::format(R"(,"time":{})", publication.time.ms));
  if (!publication.user_id.empty()) {
    out.append(R"(,"user_id":)");
    append_id(out, publication.user_id, publication.id_form);
  }
  out.push_back('}');
}

}  // namespace

std::string history_json(std::string_view channel, const HistoryPage& page, const std::optional<Position>& since,
                         DataForm form) {
  std::string out = R"({"channel":)";
  append_json_string(out, channel);
  const auto epoch = page.newest.exists() ? fmt::format("\"{}\"", epoch_text(page.newest.epoch)) : std::string("null");
  out.append(R"(,"epoch":)").append(epoch);
  out.append(fmt::format(R"(,"newest":{},"oldest":{},"publications":[)", page.newest.offset.value, page.oldest.value));
  // A deleted publication keeps its place for paging and is shown to nobody.
  std::optional<Position> next = since;
  for (const auto& publication : page.publications) {
    next = publication->position;
    if (publication->deleted) continue;
    if (out.back() != '[') out.push_back(',');
    append_publication(out, *publication, form);
  }
  out.append(fmt::format(R"(],"more":{},"gap":{},"next":)", page.more, page.gap));
  return out.append(next ? fmt::format(R"("{}"}})", position_text(*next)) : "null}");
}

}  // namespace parley::net
