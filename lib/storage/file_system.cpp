#include <vecstore/storage/file_system.hpp>

namespace vecstore::storage {

result<byte_vector> read_file(file_system& files, const std::string& path) {
    VECSTORE_TRY(const auto opened, files.open(path, open_mode::read));
    VECSTORE_TRY(const auto bytes, opened->size());
    byte_vector contents(static_cast<std::size_t>(bytes));
    VECSTORE_TRY(const auto count, opened->read_at(0, contents));
    contents.resize(count);
    return contents;
}

namespace {

result<void> write_temporary(file_system& files, const std::string& path, byte_span bytes) {
    VECSTORE_TRY(const auto made, files.open(path, open_mode::create));
    VECSTORE_CHECK(made->truncate(0));
    VECSTORE_CHECK(made->write_at(0, bytes));
    return made->sync();
}

}  // namespace

result<void> write_file(file_system& files, const std::string& path, byte_span bytes) {
    const auto temporary = path + ".tmp";
    auto outcome = write_temporary(files, temporary, bytes);
    if (outcome) outcome = files.rename(temporary, path);
    if (outcome) return files.sync_directory(parent_directory(path));
    (void)files.remove(temporary);  // the first error is the one that matters
    return outcome;
}

std::string join_path(std::string_view directory, std::string_view name) {
    if (directory.empty()) return std::string(name);
    std::string path(directory);
    if (name.empty()) return path;
    if (path.back() != '/') path += '/';
    path += name;
    return path;
}

std::string parent_directory(std::string_view path) {
    while (path.size() > 1 && path.back() == '/') path.remove_suffix(1);
    const auto slash = path.rfind('/');
    if (slash == std::string_view::npos) return ".";
    if (slash == 0) return "/";
    return std::string(path.substr(0, slash));
}

}  // namespace vecstore::storage
