# Options, and the flags that every file of the project is compiled with.

option(HONE_TESTS "Build the tests" ON)
option(HONE_PCH "Use one precompiled header of standard headers" ON)
option(HONE_UNITY "Compile the files of a room eight at a time: half the time of a clean build" ON)
option(HONE_WERROR "Treat warnings as errors" ON)
option(HONE_SANITIZE "Build with AddressSanitizer and UndefinedBehaviorSanitizer" OFF)
option(HONE_FUZZ "Build the fuzz targets (clang)" OFF)
option(HONE_INSTALL "Define the install rules" ON)
option(HONE_CCACHE "Compile through ccache where it is installed" ON)

set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_C_STANDARD 11)

if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE Release CACHE STRING "" FORCE)
endif()

# One set of flags for every target, so that all of them can share the precompiled header:
# -fPIC everywhere because the same objects go into both libraries, -ffp-contract=off so that
# every machine gets the same bits.
add_compile_options(-fPIC -ffp-contract=off -ffunction-sections -fdata-sections
                    -fvisibility=hidden $<$<COMPILE_LANGUAGE:CXX>:-fvisibility-inlines-hidden>)
add_link_options(-Wl,--gc-sections)
add_compile_options(-Wall -Wextra -Wconversion)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  add_compile_options(-Wno-restrict)  # false alarms of GCC 12 in std::string
  # Collect garbage from 512 MiB on instead of 128: 8 % less time, 100 MiB more for each compiler.
  add_compile_options("SHELL:--param ggc-min-heapsize=524288")
  if(HONE_UNITY)
    # Types of a .cpp file in its own class: GCC takes a file that another includes for a header.
    add_compile_options($<$<COMPILE_LANGUAGE:CXX>:-Wno-subobject-linkage>)
  endif()
else()
  add_compile_options(-Wno-undefined-var-template)  # OpClassOf is defined beside each op alone
endif()
if(HONE_WERROR)
  add_compile_options(-Werror)
endif()

if(HONE_SANITIZE)
  add_compile_options(-fsanitize=address,undefined -fno-sanitize-recover=all
                      -fno-omit-frame-pointer)
  add_link_options(-fsanitize=address,undefined)
endif()
if(HONE_FUZZ)
  # Both take a fifth of the build's time. AddressSanitizer finds what object-size does; casts to a
  # derived class, which vptr checks, are hardly used here.
  add_compile_options(-fsanitize=fuzzer-no-link -fno-sanitize=object-size,vptr)
  add_link_options(-fsanitize=fuzzer-no-link -fuse-ld=lld-16)  # ld takes six times as long
endif()

if(HONE_CCACHE)
  find_program(HONE_CCACHE_PROGRAM ccache)
  if(HONE_CCACHE_PROGRAM)
    set(CMAKE_CXX_COMPILER_LAUNCHER
        ${CMAKE_COMMAND} -E env CCACHE_SLOPPINESS=pch_defines,time_macros
        CCACHE_BASEDIR=${PROJECT_SOURCE_DIR} CCACHE_NOHASHDIR=1 ${HONE_CCACHE_PROGRAM})
    if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
      add_compile_options($<$<COMPILE_LANGUAGE:CXX>:-fpch-preprocess>)
    endif()
  endif()
endif()
