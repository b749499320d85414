// Bytes from a disk that lies: every decoder answers with a value or `corrupt`, whatever it is given.

#include "core/check.h"
#include "schemas/codec.h"
#include "schemas/log_frame.h"
#include "schemas/snapshot.h"

using namespace parley;
using namespace parley::schemas;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  const std::string input(reinterpret_cast<const char*>(bytes), size);
  if (const auto publication = decode_publication(input)) {
    const auto again = decode_publication(encode_publication(*publication));
    CHECK(again.ok() && again->data == publication->data && again->event == publication->event);
  }
  static_cast<void>(decode_publication_time(input));
  static_cast<void>(decode_channel_meta(input));
  static_cast<void>(decode_remembered(input));
  static_cast<void>(decode_cursor(input));
  static_cast<void>(decode_log_head(input));
  if (const auto user = decode_user(input)) CHECK(*decode_user(encode_user(*user)) == *user);
  if (const auto notice = decode_notice(input)) CHECK(decode_notice(encode_notice(*notice))->id == notice->id);
  static_cast<void>(decode_notice_target(input));
  if (const auto dead = decode_dead_notice(input))
    CHECK(decode_dead_notice(encode_dead_notice(*dead))->why == dead->why);
  static_cast<void>(decode_dead_notice_target(input));
  if (const auto session = decode_kept_session(input))
    CHECK(decode_kept_session(encode_kept_session(*session))->record == session->record);
  if (const auto entry = decode_entry(input)) CHECK(decode_entry(encode_entry(entry->time, entry->commands)).ok());
  if (const auto offer = decode_snapshot_offer(input))
    CHECK(*decode_snapshot_offer(encode_snapshot_offer(*offer)) == *offer);
  if (const auto restore = decode_restore(input)) CHECK(*decode_restore(encode_restore(*restore)) == *restore);
  static_cast<void>(unframe_log_entry(ShardId{1}, LogIndex{1}, input));
  // What we frame comes back; the same bytes under another place do not.
  const auto framed = frame_log_entry({ShardId{1}, Term{2}, LogIndex{3}}, input);
  const auto back = unframe_log_entry(ShardId{1}, LogIndex{3}, framed);
  CHECK(back.ok() && back->payload == input && back->term == Term{2});
  CHECK(!unframe_log_entry(ShardId{1}, LogIndex{4}, framed).ok());
  return 0;
}
