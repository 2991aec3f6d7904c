# Install rules, package files for find_package, and the Debian package.
include(CMakePackageConfigHelpers)

set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/vecstore)
set(components headers)
install(DIRECTORY ${PROJECT_SOURCE_DIR}/include/vecstore DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}
    COMPONENT development FILES_MATCHING PATTERN "*.hpp" PATTERN "*.md")
install(TARGETS vecstore_headers EXPORT vecstore-headers)
install(EXPORT vecstore-headers NAMESPACE vecstore:: FILE vecstore-headers-targets.cmake
    DESTINATION ${package_dir} COMPONENT development)
if(VECSTORE_LIBRARY)
    list(APPEND components vecstore)
    install(TARGETS vecstore_vecstore EXPORT vecstore-vecstore
        ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT development
        LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT development)
    install(EXPORT vecstore-vecstore NAMESPACE vecstore:: FILE vecstore-vecstore-targets.cmake
        DESTINATION ${package_dir} COMPONENT development)
    install(FILES ${PROJECT_SOURCE_DIR}/cmake/FindCRoaring.cmake ${PROJECT_SOURCE_DIR}/cmake/FindLMDB.cmake
        ${PROJECT_SOURCE_DIR}/cmake/FindxxHash.cmake
        ${PROJECT_SOURCE_DIR}/cmake/Findutf8proc.cmake ${PROJECT_SOURCE_DIR}/cmake/Findlibstemmer.cmake
        DESTINATION ${package_dir} COMPONENT development)
endif()

configure_package_config_file(${PROJECT_SOURCE_DIR}/cmake/vecstore-config.cmake.in vecstore-config.cmake
    INSTALL_DESTINATION ${package_dir} NO_SET_AND_CHECK_MACRO)
# Before 1.0 a minor version may change interfaces.
write_basic_package_version_file(vecstore-config-version.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/vecstore-config.cmake ${CMAKE_CURRENT_BINARY_DIR}/vecstore-config-version.cmake
    DESTINATION ${package_dir} COMPONENT development)
install(FILES ${PROJECT_SOURCE_DIR}/LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR} COMPONENT development)

# cpack: one package with headers, static library and package files.
set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME libvecstore-dev)
set(CPACK_PACKAGE_VENDOR vecstore)
set(CPACK_PACKAGE_CONTACT "The vecstore maintainers <maintainers@vecstore.invalid>")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "embeddable vector store for C++20 (development files)")
set(CPACK_RESOURCE_FILE_LICENSE ${PROJECT_SOURCE_DIR}/LICENSE)
set(CPACK_COMPONENTS_ALL development)
set(CPACK_DEB_COMPONENT_INSTALL OFF)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SECTION libdevel)
set(CPACK_DEBIAN_PACKAGE_DEPENDS
    "libboost-json1.81-dev, libboost1.81-dev, libfmt-dev, liblmdb-dev, libroaring-dev, libxxhash-dev, libutf8proc-dev")
if(VECSTORE_WITH_STEMMER)
    string(APPEND CPACK_DEBIAN_PACKAGE_DEPENDS ", libstemmer-dev")
endif()
if(VECSTORE_WITH_FAISS)
    string(APPEND CPACK_DEBIAN_PACKAGE_DEPENDS ", libfaiss-dev")
endif()
if(VECSTORE_WITH_OPENSSL)
    string(APPEND CPACK_DEBIAN_PACKAGE_DEPENDS ", libssl-dev")
endif()
set(CPACK_STRIP_FILES OFF)
include(CPack)
