#pragma once
// The settings of a stage, and how `@ set NAME VALUE` changes them.

#include "core/settings.h"

#include <string_view>

namespace parley::scenarios {

Settings stage_settings();  // one application, 4711 `demo`
void change_setting(Settings& values, std::string_view name_and_value);

}  // namespace parley::scenarios
