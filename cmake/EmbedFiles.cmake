# cmake -DOUTPUT=x.cpp -DFILES=a;b -P EmbedFiles.cmake: the files' bytes as `parley::server::demo_assets()`.
# An empty list gives an empty list.
set(arrays "")
set(rows "")
set(count 0)
foreach(file IN LISTS FILES)
  if(IS_DIRECTORY ${file})
    continue()
  endif()
  get_filename_component(name ${file} NAME)
  file(READ ${file} hex HEX)
  string(REGEX REPLACE "(................................................................)" "\\1\n" hex "${hex}")
  string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," bytes "${hex}")
  string(APPEND arrays "constexpr unsigned char kFile${count}[] = {${bytes}0};\n")
  string(APPEND rows
    "      {\"${name}\", std::string_view(reinterpret_cast<const char*>(kFile${count}), sizeof(kFile${count}) - 1)},\n")
  math(EXPR count "${count} + 1")
endforeach()
file(WRITE ${OUTPUT} "// Made by cmake/EmbedFiles.cmake.
#include \"server/demo/demo_assets.h\"

namespace parley::server {
namespace {
${arrays}
}  // namespace

std::span<const DemoAsset> demo_assets() {
  static const std::vector<DemoAsset> assets = {
${rows}  };
  return assets;
}

}  // namespace parley::server
")
