package e6

import (
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// env makes the environment of a test.
func env(pairs map[string]string) Source {
	return fromEnv(func(name string) string { return pairs[strings.TrimPrefix(name, EnvPrefix)] })
}

func TestEveryVariableHasItsDefaultItsRangeAndItsError(t *testing.T) {
	for name, c := range map[string]struct {
		field    string
		byItself any            // the default
		good     map[string]any // by what is given
		bad      []string
	}{
		"USERNAME":     {"User", "", map[string]any{"me@example.com": "me@example.com"}, nil},
		"PASSWORD":     {"Token", "", map[string]any{"secret": "secret"}, nil},
		"CATALOG":      {"Catalog", "", map[string]any{"demo": "demo"}, nil},
		"DATABASE":     {"Schema", "", map[string]any{"sales": "sales"}, nil},
		"CLUSTER_NAME": {"ClusterName", "", map[string]any{"prod": "prod"}, nil},
		"SECURE":       {"TLS", false, map[string]any{"true": true, "1": true, "False": false, "0": false}, []string{"perhaps"}},
		"AUTO_RESUME":  {"NoAutoResume", false, map[string]any{"true": false, "false": true}, []string{"maybe"}},
		"STRATEGY_CACHE_TIMEOUT": {"RefreshInterval", 5 * time.Minute,
			map[string]any{"60": time.Minute, "1800": 30 * time.Minute, "2m": 2 * time.Minute}, []string{"59", "1801", "x", "NaN", "-60"}},
		"MAX_RETRY_ATTEMPTS":   {"MaxAttempts", 5, map[string]any{"1": 1, "10": 10}, []string{"0", "11", "1.5", "x"}},
		"RETRY_BACKOFF_FACTOR": {"RetryPause", 200 * time.Millisecond, map[string]any{"0.1": 100 * time.Millisecond, "2": 2 * time.Second}, []string{"0.05", "2.1"}},
		"STRATEGY_DETECTION_TIMEOUT": {"DetectionTimeout", 30 * time.Second,
			map[string]any{"10": 10 * time.Second, "120": 2 * time.Minute}, []string{"9", "121"}},
		"KEEPALIVE_TIMEOUT_MS":   {"KeepaliveTimeout", time.Minute, map[string]any{"1": time.Millisecond, "60000": time.Minute}, []string{"0", "x"}},
		"KEEPALIVE_TIME_MS":      {"KeepaliveTime", 30 * time.Second, map[string]any{"10000": 10 * time.Second}, []string{"9999"}},
		"MAX_RECEIVE_MSG_LENGTH": {"MaxReceiveBytes", 104857600, map[string]any{"1": 1, "2147483647": 2147483647}, []string{"0", "2147483648"}},
		"MAX_SEND_MSG_LENGTH":    {"MaxSendBytes", 104857600, map[string]any{"1": 1}, []string{"-1"}},
		"PREPARE_TIMEOUT":        {"PrepareTimeout", 10 * time.Minute, map[string]any{"1": time.Second}, []string{"0", "86401"}},
		"LOG_LEVEL":              {"LogLevel", LogLevel(0), map[string]any{"debug": LogDebug, "INFO": LogInfo, "WARNING": LogWarn, "CRITICAL": LogError, "off": LogOff}, []string{"loud"}},
		"STRATEGY_LOG_LEVEL":     {"StrategyLogLevel", LogLevel(0), map[string]any{"warn": LogWarn}, []string{"0"}},
		"GRPC_LOG_LEVEL":         {"GRPCLogLevel", LogLevel(0), map[string]any{"ERROR": LogError}, []string{"x"}},
		"LOG_FORMAT":             {"LogFormat", LogText, map[string]any{"JSON": LogJSON, "text": LogText}, []string{"xml"}},
		"AUTO_RESUME_TIMEOUT":    {"ResumeTimeout", 5 * time.Minute, map[string]any{"300": 5 * time.Minute}, []string{"0"}},
	} {
		t.Run(name, func(t *testing.T) {
			value := func(cfg Config) any { return reflect.ValueOf(cfg).FieldByName(c.field).Interface() }
			require.Equal(t, c.byItself, value(Config{}.withDefaults()))
			for given, want := range c.good {
				cfg, err := Load(env(map[string]string{name: given}))
				require.NoError(t, err, given)
				require.Equal(t, want, value(cfg), given)
			}
			for _, given := range c.bad {
				_, err := Load(env(map[string]string{name: given}))
				wrong, ok := errors.AsType[*ConfigError](err)
				require.True(t, ok, given)
				require.Equal(t, EnvPrefix+name, wrong.Problems[0].Field)
				require.NotEmpty(t, wrong.Problems[0].Want)
			}
		})
	}
}

func TestALaterSourceOverridesAnEarlierOneValueByValue(t *testing.T) {
	cfg, err := Load(
		env(map[string]string{"HOST": "env.example.com", "USERNAME": "env", "PASSWORD": "env-token", "CATALOG": "env", "MAX_RETRY_ATTEMPTS": "3"}),
		FromDSN("e6://dsn:dsn-token@:9000/dsn?cluster=c"))
	require.NoError(t, err)
	require.Equal(t, "env.example.com:9000", cfg.Address)
	require.Equal(t, "dsn", cfg.User)
	require.Equal(t, "dsn-token", cfg.Token)
	require.Equal(t, "dsn", cfg.Catalog)
	require.Equal(t, 3, cfg.MaxAttempts)
	require.Equal(t, "c", cfg.ClusterName)
	require.NoError(t, cfg.Validate())
}

func TestThePortThatIsLeftOutDependsOnTLS(t *testing.T) {
	for source, want := range map[string]string{"e6://h": "h:80", "e6s://h": "h:443", "e6://h?tls=true": "h:443", "e6://[::1]": "[::1]:80"} {
		cfg, err := ParseDSN(source)
		require.NoError(t, err)
		require.Equal(t, want, cfg.Address, source)
	}
	_, err := Load(env(map[string]string{"PORT": "80"}))
	require.ErrorContains(t, err, "host")
}

func TestEverythingThatIsWrongIsSaidAtOnceAndNoSecret(t *testing.T) {
	_, err := Load(env(map[string]string{"SECURE": "x", "MAX_RETRY_ATTEMPTS": "99"}),
		FromDSN("e6://me:planted@h/a/b/c?tls=x&nonsense=1&strategy=red&prefetch=1&prefetch=2"))
	wrong, ok := errors.AsType[*ConfigError](err)
	require.True(t, ok)
	require.Len(t, wrong.Problems, 7)
	require.NotContains(t, err.Error(), "planted")
}
