#pragma once
// Users and notices between core values and their wire form, for the records and the commands that hold
// them. For the .cpp files of schemas/ only. Pure.

#include "command.capnp.h"
#include "core/notice.h"
#include "core/result.h"
#include "core/user.h"
#include "record.capnp.h"

#include <vector>

namespace parley::schemas {

void write_user(const UserRecord& from, wire::User::Builder to);
Result<UserRecord> read_user(wire::User::Reader from);
void write_notice(const Notice& from, wire::Notice::Builder to);
Result<Notice> read_notice(wire::Notice::Reader from);
void write_notices(const std::vector<Notice>& from, capnp::List<wire::Notice>::Builder to);
Result<std::vector<Notice>> read_notices(capnp::List<wire::Notice>::Reader from);

}  // namespace parley::schemas
