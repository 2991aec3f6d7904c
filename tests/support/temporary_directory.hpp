/// A directory on disk that goes with the object.
#pragma once

#include <vecstore/storage/file_system.hpp>

#include <cstdlib>
#include <string>

namespace vecstore::test {

class temporary_directory {
public:
    temporary_directory() {
        const char* base = std::getenv("TMPDIR");
        path_ = std::string(base != nullptr ? base : "/tmp") + "/vecstore-test-XXXXXX";
        if (::mkdtemp(path_.data()) == nullptr) path_.clear();
    }
    temporary_directory(const temporary_directory&) = delete;
    temporary_directory& operator=(const temporary_directory&) = delete;
    ~temporary_directory() {
        if (!path_.empty()) (void)storage::posix_file_system().remove_all(path_);
    }
    [[nodiscard]] const std::string& path() const noexcept { return path_; }
    [[nodiscard]] std::string operator/(const std::string& name) const { return path_ + "/" + name; }

private:
    std::string path_;
};

}  // namespace vecstore::test
