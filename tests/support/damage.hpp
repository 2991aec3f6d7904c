/// Damaging files of a closed database on purpose.
/// Thread safety: as the file system.
#pragma once

#include <vecstore/storage/file_system.hpp>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

namespace vecstore::test {

/// Paths of all files with bytes in them below `directory`, relative to it; lock files left out.
[[nodiscard]] inline std::vector<std::string> files_below(const std::string& directory) {
    namespace fs = std::filesystem;
    std::vector<std::string> files;
    for (const auto& entry : fs::recursive_directory_iterator(directory))
        if (entry.is_regular_file() && entry.file_size() > 0 && entry.path().filename() != "lock.mdb" &&
            entry.path().filename() != "LOCK")
            files.push_back(fs::relative(entry.path(), directory));
    std::sort(files.begin(), files.end());
    return files;
}

/// The only file below `directory` with this ending.
[[nodiscard]] inline std::string file_ending_in(const std::string& directory, const std::string& ending) {
    std::string found;
    for (const auto& file : files_below(directory))
        if (file.ends_with(ending)) found = directory + "/" + file;
    return found;
}

inline void flip_byte(const std::string& path, std::uint64_t offset, unsigned mask = 0xFF) {
    std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
    file.seekg(static_cast<std::streamoff>(offset));
    const auto byte = static_cast<unsigned>(file.get());
    file.seekp(static_cast<std::streamoff>(offset));
    file.put(static_cast<char>(byte ^ mask));
}

inline void copy_store(const std::string& from, const std::string& to) {
    namespace fs = std::filesystem;
    fs::remove_all(to);
    fs::copy(from, to, fs::copy_options::recursive);
}

}  // namespace vecstore::test
