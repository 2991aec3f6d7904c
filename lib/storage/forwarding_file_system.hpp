/// A file system that hands everything to another one: what the decorators have in common.
/// Thread safety: as the other one.
#pragma once

#include <vecstore/storage/file_system.hpp>

#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace vecstore::storage {

class forwarding_file_system : public file_system {
public:
    explicit forwarding_file_system(std::shared_ptr<file_system> inner) noexcept : inner_(std::move(inner)) {}

    result<std::unique_ptr<file>> open(const std::string& path, open_mode mode) override {
        return inner_->open(path, mode);
    }
    result<std::shared_ptr<const mapping>> map(const std::string& path) override { return inner_->map(path); }
    result<void> rename(const std::string& from, const std::string& to) override { return inner_->rename(from, to); }
    result<void> link(const std::string& from, const std::string& to) override { return inner_->link(from, to); }
    result<void> remove(const std::string& path) override { return inner_->remove(path); }
    result<void> remove_all(const std::string& path) override { return inner_->remove_all(path); }
    result<void> create_directories(const std::string& path) override { return inner_->create_directories(path); }
    result<void> sync_directory(const std::string& path) override { return inner_->sync_directory(path); }
    result<std::vector<std::string>> list(const std::string& path) override { return inner_->list(path); }
    [[nodiscard]] bool exists(const std::string& path) override { return inner_->exists(path); }
    result<std::uint64_t> file_size(const std::string& path) override { return inner_->file_size(path); }
    [[nodiscard]] std::string network_kind(const std::string& path) override { return inner_->network_kind(path); }
    result<std::unique_ptr<file_lock>> lock(const std::string& path) override { return inner_->lock(path); }

protected:
    [[nodiscard]] file_system& inner() const noexcept { return *inner_; }

private:
    std::shared_ptr<file_system> inner_;
};

}  // namespace vecstore::storage
