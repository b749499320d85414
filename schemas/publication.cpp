#include "schemas/publication.h"

#include "schemas/codec.h"
#include "schemas/wire_message.h"

namespace parley::schemas {

Result<DataKind> data_kind(std::uint8_t number) {
  if (number > static_cast<std::uint8_t>(DataKind::json)) return make_error(Errc::corrupt, "unknown kind of data");
  return static_cast<DataKind>(number);
}

void write_publication(const Publication& from, wire::Publication::Builder to) {
  if (!from.event.empty()) to.setEvent(text(from.event));
  if (!from.data.empty()) to.setData(data(from.data));
  to.setKind(static_cast<std::uint8_t>(from.kind));
  if (!from.user_id.empty()) to.setUserId(text(from.user_id));
  to.setTimeMs(from.time.ms);
  to.setDeleted(from.deleted);
  to.setExceptSocket(from.except.value);
  to.setUserIdIsNumber(from.id_form == IdForm::number);
}

Result<Publication> read_publication(wire::Publication::Reader from) {
  const auto kind = data_kind(from.getKind());
  if (!kind) return kind.error();
  return Publication{string(from.getEvent()),
                     string(from.getData()),
                     *kind,
                     string(from.getUserId()),
                     Position{},
                     WallTime{from.getTimeMs()},
                     from.getDeleted(),
                     SocketId{from.getExceptSocket()},
                     id_form(from.getUserIdIsNumber())};
}

std::string encode_publication(const Publication& publication) {
  Message message;
  write_publication(publication, message.root<wire::Publication>());
  return message.bytes();
}

Result<Publication> decode_publication(std::string_view bytes) {
  return decode<wire::Publication>(bytes, "publication", read_publication);
}

Result<WallTime> decode_publication_time(std::string_view bytes) {
  return decode<wire::Publication>(bytes, "publication", [](wire::Publication::Reader root) -> Result<WallTime> {
    return WallTime{root.getTimeMs()};
  });
}

}  // namespace parley::schemas
