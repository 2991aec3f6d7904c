/// A real etcd of one member, for one test: on free ports of this machine, with a directory of its own, ended with the object.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <fcntl.h>
#include <spawn.h>
#include <support/temporary_directory.hpp>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdlib>
#include <string>
#include <thread>
#include <vector>

namespace vecstore::test {

class etcd_server {
public:
    /// VECSTORE_ETCD names the program; else it is looked for in the path.
    etcd_server() {
        const char* named = std::getenv("VECSTORE_ETCD");
        program_ = named != nullptr ? named : "etcd";
        client_port_ = free_port();
        url_ = "http://127.0.0.1:" + std::to_string(client_port_);
        peer_url_ = "http://127.0.0.1:" + std::to_string(free_port());
        start();
    }
    ~etcd_server() { stop(); }
    etcd_server(const etcd_server&) = delete;
    etcd_server& operator=(const etcd_server&) = delete;

    /// False where etcd is not installed.
    [[nodiscard]] bool runs() const noexcept { return process_ > 0; }
    [[nodiscard]] const std::string& url() const noexcept { return url_; }
    void pause() const { (void)::kill(process_, SIGSTOP); }
    void resume() const { (void)::kill(process_, SIGCONT); }
    void stop() {
        if (process_ <= 0) return;
        (void)::kill(process_, SIGKILL);
        int status = 0;
        (void)::waitpid(process_, &status, 0);
        process_ = 0;
    }
    /// With the same data, on the same ports.
    void start() {
        const std::vector<std::string> words = {program_,
                                                "--data-dir=" + directory_.path() + "/data",
                                                "--listen-client-urls=" + url_,
                                                "--advertise-client-urls=" + url_,
                                                "--listen-peer-urls=" + peer_url_,
                                                "--initial-advertise-peer-urls=" + peer_url_,
                                                "--initial-cluster=default=" + peer_url_,
                                                "--heartbeat-interval=50",
                                                "--election-timeout=500"};
        std::vector<char*> arguments;
        for (const auto& word : words) arguments.push_back(const_cast<char*>(word.c_str()));
        arguments.push_back(nullptr);
        posix_spawn_file_actions_t actions;
        posix_spawn_file_actions_init(&actions);
        const auto log = directory_.path() + "/log";
        for (const int stream : {1, 2})
            posix_spawn_file_actions_addopen(&actions, stream, log.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
        if (::posix_spawnp(&process_, program_.c_str(), &actions, nullptr, arguments.data(), environ) != 0)
            process_ = 0;
        posix_spawn_file_actions_destroy(&actions);
        for (int i = 0; i < 500 && runs() && !listens(); ++i) {
            std::this_thread::sleep_for(std::chrono::milliseconds(20));
            int status = 0;
            if (::waitpid(process_, &status, WNOHANG) == process_) process_ = 0;
        }
    }

private:
    static std::uint16_t free_port() {
        boost::asio::io_context context;
        return boost::asio::ip::tcp::acceptor(context, {boost::asio::ip::address_v4::loopback(), 0})
            .local_endpoint()
            .port();
    }
    [[nodiscard]] bool listens() const {
        boost::asio::io_context context;
        boost::asio::ip::tcp::socket socket(context);
        boost::system::error_code failed;
        socket.connect({boost::asio::ip::address_v4::loopback(), client_port_}, failed);
        return !failed;
    }

    temporary_directory directory_;
    std::string program_, url_, peer_url_;
    std::uint16_t client_port_ = 0;
    pid_t process_ = 0;
};

}  // namespace vecstore::test
