# Third-party libraries, all from the system. Static archives are preferred: `hone` then starts
# without loading them and runs on machines that lack them.
find_package(Threads REQUIRED)

# hone_find_library(TARGET name HEADER file): an imported target `TARGET` for lib<name>.a, else .so.
function(hone_find_library TARGET name HEADER header)
  find_library(${TARGET}_LIBRARY NAMES lib${name}.a ${name})
  find_path(${TARGET}_INCLUDE ${header})
  mark_as_advanced(${TARGET}_LIBRARY ${TARGET}_INCLUDE)
  if(NOT ${TARGET}_LIBRARY OR NOT ${TARGET}_INCLUDE)
    message(FATAL_ERROR "lib${name} (${header}) was not found; run tools/setup build")
  endif()
  add_library(${TARGET} UNKNOWN IMPORTED GLOBAL)
  set_target_properties(${TARGET} PROPERTIES IMPORTED_LOCATION ${${TARGET}_LIBRARY}
                        INTERFACE_INCLUDE_DIRECTORIES ${${TARGET}_INCLUDE})
endfunction()

hone_find_library(hone_zlib z HEADER zlib.h)
hone_find_library(hone_png png HEADER png.h)
hone_find_library(hone_jpeg jpeg HEADER jpeglib.h)
hone_find_library(hone_zstd zstd HEADER zstd.h)
target_link_libraries(hone_png INTERFACE hone_zlib m)
# Of the tool alone, where there is a static one; sanitizers have an allocator of their own.
find_library(HONE_JEMALLOC_LIBRARY NAMES libjemalloc_pic.a libjemalloc.a)
find_path(HONE_JEMALLOC_INCLUDE jemalloc/jemalloc.h)
mark_as_advanced(HONE_JEMALLOC_LIBRARY HONE_JEMALLOC_INCLUDE)
if(HONE_JEMALLOC_LIBRARY AND HONE_JEMALLOC_INCLUDE AND NOT HONE_SANITIZE)
  add_library(hone_jemalloc UNKNOWN IMPORTED GLOBAL)
  set_target_properties(hone_jemalloc PROPERTIES IMPORTED_LOCATION ${HONE_JEMALLOC_LIBRARY}
                        INTERFACE_INCLUDE_DIRECTORIES ${HONE_JEMALLOC_INCLUDE}
                        INTERFACE_COMPILE_DEFINITIONS HONE_JEMALLOC)
  target_link_libraries(hone_jemalloc INTERFACE Threads::Threads ${CMAKE_DL_LIBS} m)
endif()

foreach(header protozero/pbf_reader.hpp CLI/CLI.hpp nlohmann/json.hpp xxhash.h xbyak/xbyak.h)
  string(MAKE_C_IDENTIFIER "HONE_${header}" found)
  find_path(${found} ${header})
  mark_as_advanced(${found})
  if(NOT ${found})
    message(FATAL_ERROR "<${header}> was not found; run tools/setup build")
  endif()
endforeach()
