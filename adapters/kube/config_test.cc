#include "adapters/kube/config.h"

#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/stat.h>

#include <fstream>

#include "adapters/kube/credentials.h"
#include "adapters/kube/file.h"

namespace pgo::kube {
namespace {

struct ConfigTest : testing::Test {
  ConfigTest() {
    char name[] = "/tmp/kubeconfig-XXXXXX";
    folder = ::mkdtemp(name);
    ::unsetenv("KUBECONFIG");
    ::unsetenv("KUBERNETES_SERVICE_HOST");
    ::setenv("HOME", folder.c_str(), 1);
  }
  std::string Write(const std::string& name, const std::string& text) const {
    std::ofstream(folder + "/" + name) << text;
    return folder + "/" + name;
  }
  static std::string Of(const std::string& user,
                        const std::string& cluster = "server: https://h:6443/") {
    return "apiVersion: v1\nkind: Config\ncurrent-context: c\n"
           "contexts: [{name: c, context: {cluster: k, user: u, namespace: team}}]\n"
           "clusters: [{name: k, cluster: {" +
           cluster + "}}]\nusers: [{name: u, user: {" + user + "}}]\n";
  }
  std::string Problem(const std::string& text) {
    auto config = LoadKubeconfig({Write("bad", text), ""});
    return config ? "none" : config.error().message;
  }
  std::string folder;
};

TEST_F(ConfigTest, ReadsATokenAndInlineCa) {
  auto config = LoadKubeconfig({Write("a", Of("token: t",
                                              "server: https://h:6443/, tls-server-name: n, "
                                              "certificate-authority-data: " +
                                                  EncodeBase64("CA"))),
                                ""});
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->server, "https://h:6443");
  EXPECT_EQ(config->ca_pem, "CA");
  EXPECT_EQ(config->ns, "team");
  EXPECT_EQ(config->tls_server_name, "n");
  EXPECT_EQ(Credentials(*config).Get()->token, "t");
}

TEST_F(ConfigTest, FileReferencesAreRelativeToTheFile) {
  Write("ca.pem", "CA");
  Write("token", "secret\n");
  auto config = LoadKubeconfig(
      {Write("a", Of("tokenFile: token", "server: https://h, certificate-authority: ca.pem")), ""});
  ASSERT_TRUE(config) << config.error().message;
  Credentials credentials(*config);
  EXPECT_EQ(credentials.Get()->token, "secret");
  EXPECT_EQ(credentials.Get()->ca_pem, "CA");
}

TEST_F(ConfigTest, MergesFilesAndTheFirstWins) {
  const std::string a =
      Write("a", "current-context: c\nusers: [{name: u, user: {token: first}}]\n");
  const std::string b = Write("b", Of("token: second"));
  ::setenv("KUBECONFIG", (folder + "/missing:" + a + ":" + b).c_str(), 1);
  auto config = LoadConfig({});
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->token, "first");
  EXPECT_EQ(config->server, "https://h:6443");
}

TEST_F(ConfigTest, ErrorsNameFileAndField) {
  EXPECT_NE(
      Problem(Of("username: a, password: hunter2")).find("/bad: users[u].user.username: basic"),
      std::string::npos);
  EXPECT_EQ(Problem(Of("username: a, password: hunter2")).find("hunter2"), std::string::npos);
  EXPECT_NE(Problem(Of("token: t", "server: h")).find("clusters[k].cluster.server"),
            std::string::npos);
  EXPECT_NE(Problem(Of("client-certificate-data: '!'")).find("client-certificate-data: not base64"),
            std::string::npos);
  EXPECT_NE(Problem(Of("client-certificate: nowhere")).find("nowhere"), std::string::npos);
  EXPECT_NE(Problem(Of("exec: {command: x, apiVersion: v0}")).find("exec.apiVersion"),
            std::string::npos);
  EXPECT_NE(Problem("current-context: gone\n").find("no entry \"gone\" in contexts"),
            std::string::npos);
  EXPECT_NE(Problem("a: [").find("not YAML"), std::string::npos);
  EXPECT_NE(Problem("- 1").find("not a kubeconfig"), std::string::npos);
  EXPECT_NE(Problem("").find("current-context is not set"), std::string::npos);
  EXPECT_EQ(LoadKubeconfig({folder + "/none", ""}).error().code, Code::kNotFound);
  EXPECT_EQ(LoadKubeconfig({Write("a", Of("token: t")), "other"}).error().code, Code::kNotFound);
}

TEST_F(ConfigTest, ReadsTheServiceAccountOfAPod) {
  EXPECT_EQ(InClusterConfig(folder).error().code, Code::kNotFound);
  ::setenv("KUBERNETES_SERVICE_HOST", "fd00::1", 1);
  ::setenv("KUBERNETES_SERVICE_PORT", "443", 1);
  EXPECT_NE(InClusterConfig(folder).error().message.find("token"), std::string::npos);
  Write("token", "t");
  Write("ca.crt", "CA");
  Write("namespace", "pgo\n");
  auto config = InClusterConfig(folder);
  ASSERT_TRUE(config);
  EXPECT_EQ(config->server, "https://[fd00::1]:443");
  EXPECT_EQ(config->ns, "pgo");
}

TEST_F(ConfigTest, RefusedCredentialsAreReadAnew) {
  const std::string token = Write("token", "one");
  Config config;
  config.token_file = token;
  Credentials credentials(config);
  EXPECT_EQ(credentials.Get()->token, "one");
  Write("token", "two");
  EXPECT_EQ(credentials.Get()->token, "one");
}

TEST_F(ConfigTest, RunsACredentialPlugin) {
  const std::string script =
      Write("plugin",
            "#!/bin/sh\necho \"$KUBERNETES_EXEC_INFO\" | grep -q '\"apiVersion\"' || exit 3\n"
            "echo "
            "\"{\\\"kind\\\":\\\"ExecCredential\\\",\\\"status\\\":{\\\"token\\\":\\\"$1-$WHO\\\","
            "\\\"expirationTimestamp\\\":\\\"2099-01-01T00:00:00Z\\\"}}\"\n");
  ::chmod(script.c_str(), 0755);
  const std::string user =
      "exec: {apiVersion: client.authentication.k8s.io/v1, command: " + script +
      ", args: [a], env: [{name: WHO, value: b}]}";
  auto config = LoadKubeconfig({Write("a", Of(user)), ""});
  ASSERT_TRUE(config) << config.error().message;
  auto credential = Credentials(*config).Get();
  ASSERT_TRUE(credential) << credential.error().message;
  EXPECT_EQ(credential->token, "a-b");
}

}  // namespace
}  // namespace pgo::kube
