#pragma once
// `parley serve`: starts the node, then waits for signals on the main thread until it is told to go.
//
// SIGHUP reads the configuration again; SIGTERM and SIGINT drain and end with 0; a second one of them
// ends at once.

#include "server/commands/command_line.h"

namespace parley::server {

inline constexpr int kExitConfig = 78;  // EX_CONFIG: a supervisor need not try again

int serve(const CommandLine& line);  // the process's exit code

}  // namespace parley::server
