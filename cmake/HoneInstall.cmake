# `cmake --install`: the tool with completion for shells, both libraries, the public headers, a
# CMake package and a pkg-config file. find_package(hone) gives hone::hone (static) and
# hone::hone_shared.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

# What is installed is stripped, with --strip or without: line tables are for those who build.
# (CMake strips programs and shared libraries only.)
install(CODE "set(CMAKE_INSTALL_DO_STRIP TRUE)")

if(TARGET hone)
  install(TARGETS hone RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
  set(completions ${PROJECT_BINARY_DIR}/completions)  # none where the tool cannot run: OPTIONAL
  install(FILES ${completions}/hone OPTIONAL
          DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions)
  install(FILES ${completions}/_hone OPTIONAL
          DESTINATION ${CMAKE_INSTALL_DATADIR}/zsh/site-functions)
  install(FILES ${completions}/hone.fish OPTIONAL
          DESTINATION ${CMAKE_INSTALL_DATADIR}/fish/vendor_completions.d)
endif()
if(NOT TARGET hone_static)
  return()
endif()

set_target_properties(hone_static PROPERTIES EXPORT_NAME hone)
install(TARGETS hone_static hone_shared EXPORT hone_targets
        ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR} LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR})
if(CMAKE_STRIP)
  install(CODE "execute_process(COMMAND \"${CMAKE_STRIP}\" --strip-debug
    \"\$ENV{DESTDIR}\${CMAKE_INSTALL_PREFIX}/${CMAKE_INSTALL_LIBDIR}/libhone.a\"
    COMMAND_ERROR_IS_FATAL ANY)")
endif()
install(DIRECTORY ${PROJECT_SOURCE_DIR}/include/hone DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})

set(package ${CMAKE_INSTALL_LIBDIR}/cmake/hone)
install(EXPORT hone_targets FILE hone-targets.cmake NAMESPACE hone:: DESTINATION ${package})
configure_package_config_file(${PROJECT_SOURCE_DIR}/cmake/hone-config.cmake.in
                              ${PROJECT_BINARY_DIR}/hone-config.cmake
                              INSTALL_DESTINATION ${package})
write_basic_package_version_file(${PROJECT_BINARY_DIR}/hone-config-version.cmake
                                 COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/hone-config.cmake
              ${PROJECT_BINARY_DIR}/hone-config-version.cmake DESTINATION ${package})

string(REGEX REPLACE "[^/]+" ".." to_prefix ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
configure_file(${PROJECT_SOURCE_DIR}/cmake/hone.pc.in ${PROJECT_BINARY_DIR}/hone.pc @ONLY)
install(FILES ${PROJECT_BINARY_DIR}/hone.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
