package e6test

import (
	"slices"

	"google.golang.org/grpc"

	e6xv1 "github.com/e6data/e6data-go/proto/e6data/e6x/v1"
)

// The methods of the protocol, for Fault.Method and the keys of Stats.Calls.
const (
	MethodAuthenticate             = "authenticate"
	MethodIdentifyPlanner          = "identifyPlanner"
	MethodPrepareStatement         = "prepareStatement"
	MethodPrepareStatementV2       = "prepareStatementV2"
	MethodExecuteStatement         = "executeStatement"
	MethodExecuteStatementV2       = "executeStatementV2"
	MethodGetResultMetadata        = "getResultMetadata"
	MethodGetDynamicParams         = "getDynamicParams"
	MethodGetNextResultBatch       = "getNextResultBatch"
	MethodGetNextResultBatchV2     = "getNextResultBatchV2"
	MethodExplainAnalyze           = "explainAnalyze"
	MethodClear                    = "clear"
	MethodCancelQuery              = "cancelQuery"
	MethodClearOrCancelQuery       = "clearOrCancelQuery"
	MethodSyncSchemas              = "syncSchemas"
	MethodHealthCheck              = "healthCheck"
	MethodAnalyzeQuery             = "analyzeQuery"
	MethodExplain                  = "explain"
	MethodStatus                   = "status"
	MethodAddCatalogs              = "addCatalogs"
	MethodRefreshCatalogs          = "refreshCatalogs"
	MethodGetAddCatalogsResponse   = "getAddCatalogsResponse"
	MethodGetCataloges             = "getCataloges"
	MethodGetSchemaNames           = "getSchemaNames"
	MethodGetSchemaNamesV2         = "getSchemaNamesV2"
	MethodGetTables                = "getTables"
	MethodGetTablesV2              = "getTablesV2"
	MethodGetColumns               = "getColumns"
	MethodGetColumnsV2             = "getColumnsV2"
	MethodUpdateUsers              = "updateUsers"
	MethodSetProps                 = "setProps"
	MethodDryRun                   = "dryRun"
	MethodDryRunV2                 = "dryRunV2"
	MethodGetNextRemoteCachedChunk = "getNextRemoteCachedChunk"
	MethodCreateDataFrame          = "createDataFrame"
	MethodProjectionOnDataFrame    = "projectionOnDataFrame"
	MethodAggregateOnDataFrame     = "aggregateOnDataFrame"
	MethodFilterOnDataFrame        = "filterOnDataFrame"
	MethodOrderByOnDataFrame       = "orderByOnDataFrame"
	MethodLimitOnDataFrame         = "limitOnDataFrame"
	MethodExecuteDataFrame         = "executeDataFrame"
	MethodDropUserContext          = "dropUserContext"
	MethodResume                   = "resume"
	MethodSuspend                  = "suspend"
)

// knownMethod reports whether the protocol has the method. Empty stands for any.
func knownMethod(name string) bool {
	has := func(service grpc.ServiceDesc) bool {
		return slices.ContainsFunc(service.Methods, func(m grpc.MethodDesc) bool { return m.MethodName == name })
	}
	return name == "" || has(e6xv1.QueryEngineService_ServiceDesc) || has(e6xv1.ClusterService_ServiceDesc)
}
