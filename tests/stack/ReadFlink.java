import java.nio.file.Files;
import java.nio.file.Path;
import org.apache.calcite.avatica.util.Casing;
import org.apache.calcite.avatica.util.Quoting;
import org.apache.calcite.sql.SqlNode;
import org.apache.calcite.sql.parser.SqlParser;
import org.apache.flink.sql.parser.impl.FlinkSqlParserImpl;
import org.apache.flink.sql.parser.validate.FlinkSqlConformance;

/** Each statement of SQL files read by Flink's own parser; one line for each: file, class of the statement. */
public class ReadFlink {
    public static void main(String[] files) throws Exception {
        SqlParser.Config config = SqlParser.config()
                .withParserFactory(FlinkSqlParserImpl.FACTORY)
                .withConformance(FlinkSqlConformance.DEFAULT)
                .withQuoting(Quoting.BACK_TICK)
                .withQuotedCasing(Casing.UNCHANGED)
                .withUnquotedCasing(Casing.UNCHANGED);
        for (String file : files) {
            for (SqlNode node : SqlParser.create(Files.readString(Path.of(file)), config).parseStmtList()) {
                System.out.println(file + "\t" + node.getClass().getSimpleName());
            }
        }
    }
}
