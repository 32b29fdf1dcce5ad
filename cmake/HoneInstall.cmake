# `cmake --install`: the tool, both libraries and the public headers.
include(GNUInstallDirs)
if(TARGET hone)
  install(TARGETS hone RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
endif()
