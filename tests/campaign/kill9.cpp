// kill -9 of a real process in the middle of its writes, checkpoints, merges and snapshots. What it was told was written is kept
// in a file by this process, which then opens the store and compares.
#include "campaign/campaign.hpp"
#include "support/killed_writer.hpp"
#include "support/oracle.hpp"
#include "support/store.hpp"
#include "support/temporary_directory.hpp"

#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <optional>
#include <thread>

namespace vecstore::test {
namespace {

constexpr std::size_t threads = 3;
constexpr std::uint64_t rounds_by_default = 200;
constexpr std::uint64_t rounds_of_a_store = 20;

using points = std::map<point_id, point>;

/// One store, killed again and again.
class killed_store {
public:
    killed_store(bool sync, bool spoiled, campaign_outcome& outcome)
        : sync_(sync), spoiled_(spoiled), outcome_(outcome) {}

    void round(std::uint64_t run_ms) {
        where_ = "after " + std::to_string(outcome_.tried) + " kills";
        if (!run_and_kill(run_ms)) return;
        take_told();
        compare();
        verify_snapshots();
        ++outcome_.tried;
    }
    [[nodiscard]] std::uint64_t snapshots() const { return snapshots_; }
    [[nodiscard]] std::uint64_t steps() const {
        std::uint64_t sum = 0;
        for (const auto& each : model_) sum += each.next;
        return sum;
    }

private:
    struct thread_model {
        std::uint64_t next = 0;  ///< first step that was not acknowledged
        points content = {};
    };

    /// Appends what the process tells to the file of expectations.
    bool run_and_kill(std::uint64_t run_ms) {
        int ends[2];
        if (::pipe(ends) != 0) return problem("no pipe");
        const auto child = ::fork();
        if (child == 0) exec_writer(ends);
        ::close(ends[1]);
        std::thread killer([&] {
            std::this_thread::sleep_for(std::chrono::milliseconds(run_ms));
            (void)::kill(child, SIGKILL);
        });
        std::ofstream file(told_path(), std::ios::binary | std::ios::app);
        told_step told;
        while (::read(ends[0], &told, sizeof told) == static_cast<ssize_t>(sizeof told))
            file.write(reinterpret_cast<const char*>(&told), sizeof told);
        killer.join();
        ::close(ends[0]);
        int status = 0;
        (void)::waitpid(child, &status, 0);
        if (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL) return true;
        return problem("the writer ended by itself: " + std::to_string(WIFEXITED(status) ? WEXITSTATUS(status) : -1));
    }
    [[noreturn]] void exec_writer(const int* ends) const {
        ::dup2(ends[1], 1);
        ::close(ends[0]);
        ::close(ends[1]);
        const char* folder = std::getenv("VECSTORE_TEST_PROGRAMS");
        std::vector<std::string> arguments{std::string(folder != nullptr ? folder : ".") + "/kill9_writer_program",
                                           directory_ / "db", sync_ ? "sync" : "async",
                                           spoiled_ ? "spoiled" : "truthful"};
        for (const auto& each : model_) arguments.push_back(std::to_string(each.next));
        std::vector<char*> pointers;
        for (auto& each : arguments) pointers.push_back(each.data());
        pointers.push_back(nullptr);
        ::execv(pointers[0], pointers.data());
        ::_exit(127);
    }
    bool problem(const std::string& what) {
        outcome_.add_wrong(where_ + ": " + what);
        return false;
    }
    [[nodiscard]] std::string told_path() const { return directory_ / "told"; }

    void take_told() {
        std::ifstream file(told_path(), std::ios::binary);
        file.seekg(static_cast<std::streamoff>(read_));
        told_step told;
        while (file.read(reinterpret_cast<char*>(&told), sizeof told)) {
            read_ += sizeof told;
            auto& model = model_.at(told.thread);
            if (told.step != model.next) (void)problem("a step was told out of order");
            killed_writer(told.thread, model.next++).predict(model.content);
        }
    }

    void compare() {
        auto db = database::open(directory_ / "db", quiet());
        if (!db) return (void)problem(db.error().what());
        auto docs = db->open_collection("docs");
        if (!docs) {
            if (steps() > 0) outcome_.add_lost(where_ + ": the collection is gone");
            return;
        }
        std::array<points, threads> found;
        if (!read_all(*docs, found)) return;
        oracle all(killed_writer_options());
        for (std::size_t thread = 0; thread < threads; ++thread) {
            compare_thread(thread, found[thread]);
            all.points().insert(found[thread].begin(), found[thread].end());
        }
        // Count, scroll and exact search tell of the same points.
        for (const auto& d :
             {difference(*docs, all, 1'000), difference(*docs, all, 0, {0.1f, 0.2f, 0.3f, 0.4f}, 20, {})})
            if (!d.empty()) (void)problem(d);
    }
    bool read_all(const collection& docs, std::array<points, threads>& found) {
        scroll page;
        page.limit = 1'000;
        page.with_vectors = true;
        do {
            const auto part = docs.scroll(page);
            if (!part) return problem(part.error().what());
            for (const auto& r : part->records) {
                const auto thread = killed_writer::thread_of(r.id);
                if (thread >= threads) return problem("a point that nobody wrote");
                found[thread].emplace(r.id, make_point(r.id, r.vector, r.payload));
            }
            page.offset = part->next;
        } while (page.offset);
        return true;
    }
    /// All steps acknowledged and nothing else; or, whole, the one that was on its way.
    void compare_thread(std::size_t thread, const points& found) {
        auto& model = model_[thread];
        if (found == model.content) return;
        auto with_next = model.content;
        killed_writer(thread, model.next).predict(with_next);
        if (found == with_next) {  // acknowledged in effect: the writer goes on behind it
            model.content = std::move(with_next);
            ++model.next;
            return;
        }
        const auto where = where_ + ", thread " + std::to_string(thread);
        for (const auto& [id, p] : model.content) {
            const auto present = found.find(id);
            const auto next = with_next.find(id);
            const bool in_doubt = next == with_next.end() || !(next->second == p);
            if (in_doubt || (present != found.end() && present->second == p)) continue;
            outcome_.add_lost(where + ": id " + to_string(id) + " is missing or as it was before");
            model.content = found;  // not told again
            return;
        }
        const auto came_back = [&](const auto& entry) {
            return !model.content.contains(entry.first) && killed_writer::step_of(entry.first) < model.next;
        };
        if (std::any_of(found.begin(), found.end(), came_back))
            outcome_.add_lost(where + ": what was erased is there again");
        else
            outcome_.add_wrong(where + ": a state that never was");
        model.content = found;
    }

    /// Each is whole, or none at all.
    void verify_snapshots() {
        for (const auto& entry : std::filesystem::directory_iterator(directory_.path())) {
            const auto path = entry.path().string();
            if (path.find("db-snapshot-") == std::string::npos) continue;
            const auto verified = verify_snapshot(path);
            if (verified)
                ++snapshots_;
            else if (verified.error().code != errc::not_found)
                (void)problem(path + ": " + verified.error().what());
            std::filesystem::remove_all(entry.path());
        }
    }

    bool sync_;
    bool spoiled_;
    campaign_outcome& outcome_;
    temporary_directory directory_;
    std::array<thread_model, threads> model_;
    std::uint64_t read_ = 0;
    std::uint64_t snapshots_ = 0;
    std::string where_;
};

}  // namespace

campaign_outcome run_kill9(const campaign_options& options) {
    campaign_outcome outcome;
    const auto rounds = options.count == all_points ? rounds_by_default : options.count;
    random_source random(options.seed);
    std::optional<killed_store> store;
    std::uint64_t stores = 0, steps = 0, snapshots = 0;
    const auto let_go = [&] {
        if (store) steps += store->steps(), snapshots += store->snapshots();
    };
    for (std::uint64_t round = 0; round < rounds; ++round) {
        if (round % rounds_of_a_store == 0) {
            let_go();
            store.emplace(stores++ % 4 != 3, options.spoiled, outcome);  // the death of a process takes no async write
        }
        store->round(30 + random.below(300));
        options.progress(round, rounds);
        if (!outcome.clean()) break;  // what follows in a damaged store means nothing
    }
    let_go();
    outcome.note = std::to_string(stores) + " stores, " + std::to_string(steps) + " writes acknowledged to " +
                   std::to_string(threads) + " threads, " + std::to_string(snapshots) + " snapshots verified";
    return outcome;
}

}  // namespace vecstore::test
