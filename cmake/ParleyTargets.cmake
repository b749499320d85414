# What every target of ours has in common: warnings, sanitizers, the precompiled standard headers.

add_library(parley_options INTERFACE)
target_compile_options(parley_options INTERFACE -Wall -Wextra -Wpedantic -Wshadow -Wnon-virtual-dtor -Woverloaded-virtual -Wno-missing-field-initializers)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # GCC 12 reports false positives inside std and Boost headers with these two at -O2.
  target_compile_options(parley_options INTERFACE -Wno-maybe-uninitialized -Wno-restrict)
endif()
if(PARLEY_WERROR)
  target_compile_options(parley_options INTERFACE -Werror)
endif()
if(PARLEY_SANITIZE)
  string(REPLACE ";" "," sanitizers "${PARLEY_SANITIZE}")
  target_compile_options(parley_options INTERFACE -fsanitize=${sanitizers} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  if("thread" IN_LIST PARLEY_SANITIZE)
    target_compile_options(parley_options INTERFACE -Wno-tsan)  # it does not see fences; Boost.Asio has one
  endif()
  if("undefined" IN_LIST PARLEY_SANITIZE)
    target_compile_options(parley_options INTERFACE -fno-sanitize=null,vptr)  # noise in CAF's headers
  endif()
  target_link_options(parley_options INTERFACE -fsanitize=${sanitizers})
endif()
find_program(MOLD mold)
if(MOLD)
  target_link_options(parley_options INTERFACE -fuse-ld=mold)
endif()

set(PARLEY_PCH <algorithm> <atomic> <chrono> <cstdint> <functional> <map> <memory> <mutex> <optional> <string>
  <string_view> <unordered_map> <variant> <vector> <fmt/format.h>)

# parley_library(core LINKS …): the folder's .cpp files as a static library `parley_core`.
function(parley_library name)
  cmake_parse_arguments(ARG "" "" "LINKS;PRIVATE_LINKS;PCH;ROOMS" ${ARGN})
  set(patterns *.cpp)
  foreach(room ${ARG_ROOMS})
    list(APPEND patterns ${room}/*.cpp)
  endforeach()
  file(GLOB sources CONFIGURE_DEPENDS ${patterns})
  if(NOT sources)
    file(WRITE ${CMAKE_CURRENT_BINARY_DIR}/empty.cpp "")
    set(sources ${CMAKE_CURRENT_BINARY_DIR}/empty.cpp)
  endif()
  add_library(parley_${name} STATIC ${sources})
  target_link_libraries(parley_${name} PUBLIC parley_options fmt::fmt ${ARG_LINKS} PRIVATE ${ARG_PRIVATE_LINKS})
  target_precompile_headers(parley_${name} PRIVATE ${PARLEY_PCH} ${ARG_PCH})
endfunction()
