#pragma once
// What is said of a command line that is not understood.

#include <CLI/CLI.hpp>

namespace parley::server {

inline constexpr int kExitUsage = 64;  // EX_USAGE

// Tells it, and which word was probably meant. The exit code: 0 for --help and --version.
int explain_usage(const CLI::App& app, const CLI::ParseError& error, int argc, const char* const* argv);

}  // namespace parley::server
