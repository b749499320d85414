#pragma once
// A user's id as the application said it: some keep ids as text, some as numbers. Who a user is, is the text alone:
// 2 and "2" are one user. The form is carried along for what is told of the user, because pages compare
// `member.id === user.id`. Values; free of threads.

#include <cstdint>
#include <string>
#include <string_view>

namespace parley {

enum class IdForm : std::uint8_t { text, number };

struct SaidId {
  std::string text;  // of a number: its digits as they stood in the JSON
  IdForm form = IdForm::text;
  bool operator==(const SaidId&) const = default;
};

// As a JSON value: a string, or the number.
void append_id(std::string& out, std::string_view id, IdForm form);

}  // namespace parley
