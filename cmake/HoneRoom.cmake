# hone_room(NAME floor USES room...): one room of the house, as an OBJECT library `hone_NAME` of
# src/NAME/**/*.cpp. USES names the rooms it may use, all of them declared before it and on lower
# floors. tools/check reads these declarations and holds every #include to them. LOOPS: which of its
# files are loops over many elements. At -O2 GCC 12 vectorizes only loops whose count it knows, so
# these are compiled at -O3, as a library of their own that has its own precompiled header; for the
# fuzz targets at -O0, since clang at -O1 took a third of that whole build for them. BATCH: how many
# files are compiled as one (8 if not said).
function(hone_room name floor)
  cmake_parse_arguments(ARG "" "BATCH" "USES;SOURCES;LOOPS" ${ARGN})
  foreach(used IN LISTS ARG_USES)
    get_property(used_floor GLOBAL PROPERTY HONE_FLOOR_${used})
    if("${used_floor}" STREQUAL "" OR NOT used_floor LESS floor)
      message(FATAL_ERROR "room ${name} (floor ${floor}) may not use ${used}")
    endif()
  endforeach()
  if(NOT ARG_BATCH)
    set(ARG_BATCH 8)
  endif()
  set_property(GLOBAL PROPERTY HONE_FLOOR_${name} ${floor})
  set_property(GLOBAL PROPERTY HONE_USES_${name} ${ARG_USES})
  set_property(GLOBAL APPEND PROPERTY HONE_ROOMS ${name})

  file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/src/${name}/*.cpp)
  if(NOT sources)
    return()  # nobody has moved in yet
  endif()
  if(ARG_LOOPS)
    list(REMOVE_ITEM sources ${ARG_LOOPS})
  endif()
  add_library(hone_${name} OBJECT ${sources} ${ARG_SOURCES})
  hone_own_code(hone_${name})
  set_target_properties(hone_${name} PROPERTIES UNITY_BUILD ${HONE_UNITY}
                        UNITY_BUILD_BATCH_SIZE ${ARG_BATCH})
  if(name IN_LIST HONE_COVERED_ROOMS)  # tests/line_coverage
    target_compile_options(hone_${name} PRIVATE -O0 --coverage -fprofile-update=atomic)
    set_target_properties(hone_${name} PROPERTIES DISABLE_PRECOMPILE_HEADERS ON)
  endif()
  set_property(GLOBAL APPEND PROPERTY HONE_BUILT_ROOMS ${name})
  set_property(GLOBAL APPEND PROPERTY HONE_OBJECTS $<TARGET_OBJECTS:hone_${name}>)
  if(ARG_LOOPS)
    add_library(hone_${name}_loops OBJECT ${ARG_LOOPS})
    hone_own_code(hone_${name}_loops OWN_PCH)
    set_target_properties(hone_${name}_loops PROPERTIES UNITY_BUILD ${HONE_UNITY}
                          UNITY_BUILD_BATCH_SIZE ${ARG_BATCH})
    target_compile_options(hone_${name}_loops PRIVATE $<$<CONFIG:Release>:-O3>
                                                      $<$<BOOL:${HONE_FUZZ}>:-O0>)
    target_sources(hone_${name} INTERFACE $<TARGET_OBJECTS:hone_${name}_loops>)
    set_property(GLOBAL APPEND PROPERTY HONE_OBJECTS $<TARGET_OBJECTS:hone_${name}_loops>)
  endif()
  hone_isa_flags(${sources})
endfunction()

# Include folders and the shared precompiled header, for any C++ target of ours. OWN_PCH: it has
# flags of its own, which the shared one does not fit.
function(hone_own_code target)
  target_include_directories(${target} PRIVATE ${PROJECT_SOURCE_DIR}/src
                                               ${PROJECT_SOURCE_DIR}/include)
  target_link_libraries(${target} PRIVATE Threads::Threads)
  if(HONE_PCH AND "OWN_PCH" IN_LIST ARGN)
    target_precompile_headers(${target} PRIVATE ${PROJECT_SOURCE_DIR}/cmake/standard_headers.hpp)
  elseif(HONE_PCH)
    target_precompile_headers(${target} REUSE_FROM hone_pch)
  endif()
endfunction()

# Kernels written for one instruction set say so in their file name; no other file gets -m flags.
function(hone_isa_flags)
  foreach(file IN LISTS ARGN)
    if(file MATCHES "_avx2\\.cpp$")
      set(flags -mavx2 -mfma -mf16c -ffp-contract=fast)
    elseif(file MATCHES "_(avx512|vnni)\\.cpp$")
      set(flags -mavx512f -mavx512bw -mavx512dq -mavx512vl -mfma -mf16c -ffp-contract=fast)
      if(file MATCHES "_vnni\\.cpp$")
        list(APPEND flags -mavx512vnni)
      endif()
    elseif(file MATCHES "_loops_generic\\.cpp$")
      set(flags "")
    else()
      continue()
    endif()
    if(HONE_FUZZ)
      list(APPEND flags -O0)
    elseif(file MATCHES "_loops_[a-z0-9]+\\.cpp$")  # plain: the compiler makes vectors of them
      list(APPEND flags -O3)
    endif()
    set_source_files_properties(${file} TARGET_DIRECTORY hone_device PROPERTIES
                                COMPILE_OPTIONS "${flags}" SKIP_PRECOMPILE_HEADERS ON)
  endforeach()
endfunction()

# The rooms that `name` reaches through USES, itself included, as far as they have sources.
function(hone_room_closure name out)
  set(todo ${name})
  set(seen "")
  while(todo)
    list(POP_FRONT todo room)
    if(room IN_LIST seen)
      continue()
    endif()
    list(APPEND seen ${room})
    get_property(uses GLOBAL PROPERTY HONE_USES_${room})
    list(APPEND todo ${uses})
  endwhile()
  get_property(built GLOBAL PROPERTY HONE_BUILT_ROOMS)
  set(result "")
  foreach(room IN LISTS built)
    if(room IN_LIST seen)
      list(APPEND result ${room})
    endif()
  endforeach()
  set(${out} ${result} PARENT_SCOPE)
endfunction()

if(HONE_PCH)
  file(WRITE ${PROJECT_BINARY_DIR}/pch/pch.cpp.new "\n")
  configure_file(${PROJECT_BINARY_DIR}/pch/pch.cpp.new ${PROJECT_BINARY_DIR}/pch/pch.cpp COPYONLY)
  add_library(hone_pch OBJECT ${PROJECT_BINARY_DIR}/pch/pch.cpp)
  target_precompile_headers(hone_pch PRIVATE ${PROJECT_SOURCE_DIR}/cmake/standard_headers.hpp)
  target_link_libraries(hone_pch PRIVATE Threads::Threads)
endif()
