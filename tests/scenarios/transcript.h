#pragma once
// A conversation with the server as a text file, line by line:
//
//   # …   a comment            @ …   something happens: time passes, the node answers, the link breaks
//   > …   the client sends     < …   the server sends         = …   what else the session does
//
// A stage plays the `@` and `>` lines; what it does about each is written below it as `<` and `=` lines.
// The result must be the file itself. With UPDATE=1 in the environment the file is written instead:
// read the difference before committing it.

#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace parley::scenarios {

class Stage {
 public:
  virtual ~Stage() = default;
  // One input line, `@ …` or `> …`. Returns output lines, with their `< ` or `= `.
  virtual std::vector<std::string> play(std::string_view line) = 0;
};

std::string replay(std::string_view transcript, Stage& stage);
std::unique_ptr<Stage> make_pusher_stage();
std::unique_ptr<Stage> make_socketio_stage();

}  // namespace parley::scenarios
