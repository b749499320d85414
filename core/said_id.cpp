#include "core/said_id.h"

#include "core/json_string.h"

namespace parley {

void append_id(std::string& out, std::string_view id, IdForm form) {
  if (form == IdForm::number) {
    out.append(id);
  } else {
    append_json_string(out, id);
  }
}

}  // namespace parley
