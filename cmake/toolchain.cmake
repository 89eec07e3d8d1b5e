# Compiler flags, libraries and the precompiled header that every room shares.
find_package(Threads REQUIRED)
if(WIN32)
  # Headers only, where tools/build-windows put them: Debian's package describes another system's.
  add_library(Boost::headers INTERFACE IMPORTED)
  set(Boost_VERSION 1.81)
else()
  find_package(Boost 1.81 REQUIRED)
  find_package(SQLite3 REQUIRED)
endif()
find_package(OpenSSL 3.0 REQUIRED)
find_package(yaml-cpp REQUIRED)
# Not by find_package(Poco): its target redefines _XOPEN_SOURCE for all who link it.
find_path(JUMP_POCO_INCLUDE Poco/Logger.h REQUIRED)
find_library(JUMP_POCO_FOUNDATION PocoFoundation REQUIRED)
if(JUMP_TESTS)
  find_package(GTest REQUIRED)
  include(GoogleTest)
endif()

add_library(jump_flags INTERFACE)
target_compile_options(jump_flags INTERFACE
  -Wall -Wextra -Wpedantic -Werror -Wshadow -Wnon-virtual-dtor -Wold-style-cast
  -Wcast-qual -Wformat=2 -Wundef -fstack-protector-strong -fno-omit-frame-pointer)
if(CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
  target_compile_options(jump_flags INTERFACE -Wextra-semi -Wimplicit-fallthrough)
else()
  # gcc 12 sees false dangling and uninitialised values through coroutines, minds the destructors of
  # the bases of final classes and an `else` inside GoogleTest's macros.
  target_compile_options(jump_flags INTERFACE -Wno-maybe-uninitialized -Wno-dangling-pointer
    -Wno-mismatched-new-delete -Wno-non-virtual-dtor -Wno-dangling-else)
  if(WIN32)
    # And, where it optimises, copies out of bounds in its own strings.
    target_compile_options(jump_flags INTERFACE -Wno-array-bounds -Wno-restrict -Wno-stringop-overflow
      -Wno-stringop-overread -Wno-free-nonheap-object)
  endif()
endif()
target_compile_definitions(jump_flags INTERFACE
  BOOST_ASIO_SEPARATE_COMPILATION BOOST_ASIO_NO_DEPRECATED BOOST_BEAST_SEPARATE_COMPILATION
  BOOST_JSON_NO_LIB BOOST_ALL_NO_LIB)
target_include_directories(jump_flags INTERFACE ${CMAKE_SOURCE_DIR})
# Names in CHECK and in debug information start at the root of the tree, wherever that was built.
target_compile_options(jump_flags INTERFACE -ffile-prefix-map=${CMAKE_SOURCE_DIR}/=)
if(JUMP_SANITIZE)
  target_compile_options(jump_flags INTERFACE -fsanitize=${JUMP_SANITIZE} -fno-sanitize-recover=all)
  target_link_options(jump_flags INTERFACE -fsanitize=${JUMP_SANITIZE})
elseif(WIN32)
  target_link_options(jump_flags INTERFACE LINKER:--dynamicbase,--nxcompat,--high-entropy-va -fstack-protector-strong)
elseif(CMAKE_BUILD_TYPE STREQUAL "Release")
  target_compile_definitions(jump_flags INTERFACE _FORTIFY_SOURCE=2)
  target_link_options(jump_flags INTERFACE LINKER:-z,relro,-z,now -pie)
  target_compile_options(jump_flags INTERFACE -fPIE)
endif()

find_program(JUMP_CCACHE ccache)
if(JUMP_CCACHE)
  # A precompiled header changes its time stamp with every build; ccache must look past that. It must also look
  # past the folder of the checkout, so that the next clone finds what this one compiled.
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CMAKE_COMMAND} -E env
    CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime
    CCACHE_BASEDIR=${CMAKE_SOURCE_DIR} CCACHE_NOHASHDIR=1 CCACHE_PCH_EXTSUM=1 ${JUMP_CCACHE})
  if(CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
    target_compile_options(jump_flags INTERFACE "SHELL:-Xclang -fno-pch-timestamp")
    # CMake's own words for this name the header with its absolute path besides, which ccache takes as it is.
    set(CMAKE_CXX_COMPILE_OPTIONS_USE_PCH -Xclang -include-pch -Xclang <PCH_FILE>)
    set(pch_suffix pch)
  else()
    target_compile_options(jump_flags INTERFACE -fpch-preprocess)  # or ccache takes nothing that uses the header
    set(pch_suffix gch)
  endif()
endif()

find_program(JUMP_MOLD mold)
if(JUMP_MOLD AND NOT JUMP_SANITIZE AND NOT WIN32)
  add_link_options(-fuse-ld=mold)
endif()

add_library(jump_poco INTERFACE)
target_include_directories(jump_poco INTERFACE ${JUMP_POCO_INCLUDE})
target_link_libraries(jump_poco INTERFACE ${JUMP_POCO_FOUNDATION})
if(WIN32)
  target_compile_definitions(jump_poco INTERFACE POCO_STATIC)
  target_link_libraries(jump_poco INTERFACE iphlpapi ws2_32)
endif()

find_library(JUMP_LIBSSH ssh REQUIRED)
# An imported library, so that those that it needs stand behind it.
add_library(jump_ssh UNKNOWN IMPORTED)
set_target_properties(jump_ssh PROPERTIES IMPORTED_LOCATION ${JUMP_LIBSSH})
if(WIN32)
  target_compile_definitions(jump_ssh INTERFACE LIBSSH_STATIC)
  target_link_libraries(jump_ssh INTERFACE OpenSSL::Crypto ws2_32 iphlpapi crypt32)
endif()

# Boost's header-only parts, compiled once.
add_library(jump_boost STATIC ${CMAKE_SOURCE_DIR}/cmake/boost_sources.cc)
target_link_libraries(jump_boost PUBLIC jump_flags Boost::headers Threads::Threads)
if(WIN32)
  target_link_libraries(jump_boost PUBLIC ws2_32 mswsock bcrypt)
endif()
target_precompile_headers(jump_boost PRIVATE ${CMAKE_SOURCE_DIR}/cmake/pch.h)
if(JUMP_CCACHE)
  # ccache takes this in the place of the precompiled header's own bytes, which hold absolute paths: what
  # the header is made of.
  file(SHA256 ${CMAKE_SOURCE_DIR}/cmake/pch.h pch_sum)
  string(TOUPPER "${CMAKE_BUILD_TYPE}" build_type)
  file(GENERATE OUTPUT ${CMAKE_BINARY_DIR}/CMakeFiles/jump_boost.dir/cmake_pch.hxx.${pch_suffix}.sum CONTENT
    "${pch_sum} ${CMAKE_CXX_COMPILER_VERSION} ${Boost_VERSION} ${JUMP_SANITIZE} ${CMAKE_CXX_FLAGS} ${CMAKE_CXX_FLAGS_${build_type}}\n")
endif()
