# cmake -DCARGO=cargo -DCRATE=folder -DWHERE=folder -P BuildCrate.cmake: builds the crate for release, in WHERE/target.
# In a copy, for cargo writes its lock file beside Cargo.toml. What was fetched before is taken without the network.
set(copy ${WHERE}/crate)
file(MAKE_DIRECTORY ${copy}/src)
execute_process(COMMAND ${CMAKE_COMMAND} -E copy_if_different ${CRATE}/Cargo.toml ${copy}/Cargo.toml
  COMMAND_ERROR_IS_FATAL ANY)
file(GLOB sources ${CRATE}/src/*.rs)
execute_process(COMMAND ${CMAKE_COMMAND} -E copy_if_different ${sources} ${copy}/src COMMAND_ERROR_IS_FATAL ANY)
set(build ${CARGO} build --release --manifest-path ${copy}/Cargo.toml --target-dir ${WHERE}/target)
execute_process(COMMAND ${build} --offline RESULT_VARIABLE failed OUTPUT_VARIABLE said ERROR_VARIABLE said)
if(failed)
  execute_process(COMMAND ${build} RESULT_VARIABLE failed)
endif()
if(failed)
  message(FATAL_ERROR "cargo cannot build ${CRATE}; without the network it said:\n${said}")
endif()
# Cargo leaves a library alone that comes out the same: for the build it is still done now.
file(TOUCH ${WHERE}/target/release/libpraft.a)
