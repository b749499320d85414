#pragma once
// Publications between core values and their wire form, without the position, which says where they lie. For the .cpp
// files of schemas/ only. Pure.

#include "core/publication.h"
#include "core/result.h"
#include "record.capnp.h"

namespace parley::schemas {

Result<DataKind> data_kind(std::uint8_t number);
void write_publication(const Publication& from, wire::Publication::Builder to);
Result<Publication> read_publication(wire::Publication::Reader from);

}  // namespace parley::schemas
