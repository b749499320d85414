#pragma once
// The files of the demo page as they were embedded into the program at build; empty if there were none.

#include <span>
#include <string_view>
#include <vector>

namespace parley::server {

struct DemoAsset {
  std::string_view name;  // `index.html`
  std::string_view bytes;
};
std::span<const DemoAsset> demo_assets();

}  // namespace parley::server
